"""What tests share: where recorded responses are, and the job run as a user runs it."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.ingest.load import load_surface
from orchestration.ingest.sources import FetchOptions, open_source
from orchestration.openrouter.surfaces import SURFACES
from orchestration.settings import Settings
from orchestration.storage.lake import Lake

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first: with one of them last, all other processes would wait for it."""
    items.sort(key=lambda item: "home" not in getattr(item, "fixturenames", ()))


def _shared(folder: str) -> Path:
    """A folder that stands beside the project and is no part of it; a test that needs it is never skipped in CI."""
    path = SHARED / folder
    if not path.is_dir():
        missing = f"needs {path}, which is not here"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return path


@pytest.fixture(scope="session")
def recordings() -> Path:
    return _shared("data/openrouter")


@pytest.fixture(scope="session")
def contract() -> dict:
    import yaml

    return yaml.safe_load((_shared("contract") / "openrouter-openapi.yaml").read_text())


@dataclass(frozen=True)
class Run:
    """One run of the job `refresh` in a process of its own."""

    data: Path
    code: int
    output: str

    @property
    def published(self) -> Path:
        return self.data / "published" / "routerscope.duckdb"

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.sql(sql).fetchall()

    def marts(self) -> dict[str, list[tuple]]:
        """Every published table, row for row."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            tables = [row[0] for row in connection.sql("show tables").fetchall()]
            return {table: connection.sql(f"from {table} order by all").fetchall() for table in tables}


def differing(one: Run, other: Run) -> list[str]:
    """Published tables that differ, with the first row that does: a whole diff of them would take for ever."""
    ours, theirs = one.marts(), other.marts()
    assert ours.keys() == theirs.keys()
    return [
        f"{name}: {next((pair for pair in zip(ours[name], rows, strict=False) if pair[0] != pair[1]), 'more rows')}"
        for name, rows in theirs.items()
        if ours[name] != rows
    ]


Job = Callable[..., Run]


def environment(home: Path, **settings: object) -> dict[str, str]:
    """This process's environment with only the given settings of Routerscope."""
    # Nor what `make test` tells the makes below it.
    ours = ("ROUTERSCOPE_", "OPENROUTER_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"DAGSTER_HOME": str(home)} | {name: str(value) for name, value in settings.items()}


def make_home(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT / "dagster_home" / "dagster.yaml", folder)
    return folder


REFRESH = [sys.executable, "-m", "orchestration.cli.run", "refresh"]


def replay_environment(data: Path, recordings: Path, home: Path, now: str | None = None) -> dict[str, str]:
    settings = {"ROUTERSCOPE_SOURCE": "replay", "ROUTERSCOPE_REPLAY_DIR": recordings, "ROUTERSCOPE_DATA_DIR": data}
    return environment(home, **settings, **({"ROUTERSCOPE_NOW": now} if now else {}))


def replay(data: Path, recordings: Path, home: Path, now: str | None = None, command: Sequence[str] = REFRESH) -> Run:
    finished = subprocess.run(
        command,
        cwd=PROJECT,
        env=replay_environment(data, recordings, home, now),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(data, finished.returncode, finished.stdout)


def shared_run(tmp_path_factory: pytest.TempPathFactory, name: str, start: Callable[[Path], Run]) -> Run:
    """A run in a folder of its own, made once and read by all processes that test."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder) / f"run-{name}"
    folder.mkdir(exist_ok=True)
    told = folder / "run.json"
    with (folder / "lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not told.exists():
            run = start(folder)
            told.write_text(json.dumps([str(run.data), run.code, run.output]))
    data, code, output = json.loads(told.read_text())
    assert code == 0, output
    return Run(Path(data), code, output)


@pytest.fixture(scope="session")
def dagster_home(everything: Run) -> Path:
    """Where the history of the run over all recordings is."""
    return everything.data.parent / "home"


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Run:
    """One run over all recordings; for reading only."""
    return shared_run(
        tmp_path_factory,
        "everything",
        lambda folder: replay(
            folder / "data",
            recordings,
            make_home(folder / "home"),
            command=["make", "run", "SOURCE=replay", f"REPLAY_DIR={recordings}"],
        ),
    )


# As the documents say it.
MAKE = {("run",): ["run"], ("live",): ["run", "SOURCE=live"]}


def run(data: Path, home: Path, *arguments: str, timeout: int = 300, **settings: object) -> Run:
    """The product's own command, or the refresh alone, with just these settings."""
    command = ["make", *MAKE[arguments]] if arguments in MAKE else [*REFRESH[:-1], *(arguments or ("refresh",))]
    finished = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(home, ROUTERSCOPE_DATA_DIR=data, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Run(data, finished.returncode, finished.stdout)


NOWHERE = "http://127.0.0.1:9/api/v1"
# In which every surface has something to say.
SMALL_WORLD = json.dumps({"models": 100, "days": 80, "observations": 8})


@pytest.fixture(scope="session")
def simulated_home(simulated: Run) -> Path:
    """Where the history of the simulated run is."""
    return simulated.data.parent / "home"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run with no source said, on a machine that reaches nothing; for reading only."""
    settings = {"ROUTERSCOPE_BASE_URL": NOWHERE, "ROUTERSCOPE_SIMULATOR": SMALL_WORLD}
    return shared_run(
        tmp_path_factory,
        "simulated",
        lambda folder: run(folder / "data", make_home(folder / "home"), "run", **settings),
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "dagster_home")


def new_responses() -> dict[str, int]:
    """What a run with the settings of the environment takes in, by surface; fails if anything cannot be."""
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake)
    taken = {name: load_surface(surface, source, lake, FetchOptions()) for name, surface in SURFACES.items()}
    assert [problem for one in taken.values() for problem in one.problems] == []
    return {name: one.added for name, one in taken.items() if one.added}


# Three tellings of a month, of which the second restates a day, and three price lists: enough for every mart.
FEW = (
    "rankings-daily/20260625T000324Z.json.gz",
    "rankings-daily/20260625T123644Z.json.gz",
    "rankings-daily/20260626T000020Z.json.gz",
    "models/20260623T010024Z.json.gz",
    "models/20260624T005828Z.json.gz",
    "models/20260625T010231Z.json.gz",
)


def copy_recordings(source: Path, target: Path, names: tuple[str, ...] = FEW) -> Path:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target / name)
        (target / name).chmod(0o644)
    return target


@pytest.fixture
def few(tmp_path: Path, recordings: Path) -> Path:
    return copy_recordings(recordings, tmp_path / "recordings")


@pytest.fixture(scope="session")
def few_run(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Run:
    """One run over the few recordings; for reading only."""
    return shared_run(
        tmp_path_factory,
        "few",
        lambda folder: replay(
            folder / "data", copy_recordings(recordings, folder / "recordings"), make_home(folder / "home")
        ),
    )


@pytest.fixture
def started_from_few(few_run: Run, tmp_path: Path) -> Path:
    """A data folder of one's own in the state that the run over the few recordings left it in."""
    return Path(shutil.copytree(few_run.data, tmp_path / "data", symlinks=True))


@pytest.fixture(scope="session")
def manifest(everything: Run) -> dict:  # noqa: ARG001  # the run has parsed the project
    return json.loads((PROJECT / "target" / "manifest.json").read_text())


def stated_requests(day: int, has_key: bool, models: int, row: str | None = None) -> dict[str, int]:
    """The requests by surface that docs/requests.md states for the first (0) or second (1) day."""
    lines = (PROJECT / "docs" / "requests.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    column = 2 + day + (0 if has_key else 2)
    stated = {cell[0]: cell[column].replace("models", str(models)) for cell in cells}
    wanted = [row] if row else [name for name in stated if name.islower() and name != "surface" and "*" not in name]
    return {name: int(stated[name]) for name in wanted}
