"""Shared by tests: where the recorded responses are, and the job run as a user runs it."""

import fcntl
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

import duckdb
import pytest
from killed_run import killed_run
from own_release import priced_logs

from orchestration.cli import terminal
from orchestration.cli.app import run_app
from orchestration.folders import SAMPLE_DIR
from orchestration.ingest.load import load_surface
from orchestration.ingest.sources import FetchOptions, open_source
from orchestration.openrouter.surfaces import SURFACES
from orchestration.settings import Settings
from orchestration.storage.lake import Lake

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared"
if not os.access(PROJECT, os.W_OK):  # it belongs to another user
    os.environ.setdefault("ROUTERSCOPE_DATA_DIR", f"{tempfile.gettempdir()}/routerscope-tests-{os.getuid()}")
OLD_DATA_FOLDER = PROJECT / "tests" / "fixtures" / "data_folder_0.1.tar.xz"


def unpack_old_data_folder(folder: Path) -> None:
    """The data folder and the Dagster home of version 0.1, into a folder."""
    with tarfile.open(OLD_DATA_FOLDER) as archive:
        # Python 3.11.3 and earlier have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)  # noqa: S202  # our own archive


# The runs that many tests share, the longest first.
SHARED_RUNS = ("simulated", "everything", "few_run", "sampled")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole runs first, led by a test of each shared run: other processes would wait for one that starts late."""

    def uses(item: pytest.Item, fixture: str) -> bool:
        return fixture in getattr(item, "fixturenames", ())

    leads = [next((item for item in items if uses(item, run)), None) for run in SHARED_RUNS]
    items.sort(key=lambda item: (item not in leads, not uses(item, "home")))


def pytest_collection_finish() -> None:
    """Collect garbage rarely, and never what was imported or collected: walking it takes 7% of the tests' time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure() -> None:
    gc.unfreeze()  # else libraries report what they still hold at the end


def _shared(folder: str) -> Path:
    """A folder beside the project that is not part of it; CI never skips a test that needs it."""
    path = SHARED / folder
    if not path.is_dir():
        missing = f"needs {path}, which does not exist"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return path


RECORDED = "data/openrouter"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Recorded responses: those beside the project, otherwise the sample, which is a subset of them."""
    folder = SHARED / RECORDED
    return folder if folder.is_dir() else SAMPLE_DIR


@pytest.fixture(scope="session")
def all_recordings() -> Path:
    """The recorded responses beside the project, for tests of what the sample lacks, such as endpoints."""
    return _shared(RECORDED)


@pytest.fixture(scope="session")
def contract() -> dict:
    import yaml

    return yaml.safe_load((_shared("contract") / "openrouter-openapi.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Run:
    """One run of the job `refresh` in its own process."""

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
        """The rows of every published table."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            tables = [row[0] for row in connection.sql("show tables").fetchall()]
            return {table: connection.sql(f"from {table} order by all").fetchall() for table in tables}


def differing(one: Run, other: Run) -> list[str]:
    """Published tables that differ, each with the first row that does: pytest's own diff of tables takes minutes."""
    ours, theirs = one.marts(), other.marts()
    assert ours.keys() == theirs.keys()
    return [
        f"{name}: {next((pair for pair in zip(ours[name], rows, strict=False) if pair[0] != pair[1]), 'more rows')}"
        for name, rows in theirs.items()
        if ours[name] != rows
    ]


def environment(home: Path, **settings: object) -> dict[str, str]:
    """This process's environment with only the given settings of Routerscope."""
    # Without the variables that `make test` passes on to a make inside a test.
    ours = ("ROUTERSCOPE_", "OPENROUTER_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ours_by_default = {"DAGSTER_HOME": str(home), "PYTHONIOENCODING": "utf-8"}  # the tests read UTF-8 in any locale
    return kept | ours_by_default | {name: str(value) for name, value in settings.items()}


def make_home(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT / "dagster_home" / "dagster.yaml", folder)
    return folder


REFRESH = [sys.executable, "-m", "orchestration.cli", "run"]


def replay_environment(data: Path, recordings: Path, home: Path, now: str | None = None) -> dict[str, str]:
    settings = {"ROUTERSCOPE_SOURCE": "replay", "ROUTERSCOPE_REPLAY_DIR": recordings, "ROUTERSCOPE_DATA_DIR": data}
    return environment(home, **settings, **({"ROUTERSCOPE_NOW": now} if now else {}))


def replay(
    data: Path,
    recordings: Path,
    home: Path,
    now: str | None = None,
    command: Sequence[str] = REFRESH,
    locale: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    finished = subprocess.run(
        command,
        cwd=PROJECT,
        env=replay_environment(data, recordings, home, now) | locale,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Run(data, finished.returncode, finished.stdout)


def shared_run(tmp_path_factory: pytest.TempPathFactory, name: str, start: Callable[[Path], Run]) -> Run:
    """A run in its own folder, made once and shared by all pytest processes."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder) / f"run-{name}"
    folder.mkdir(exist_ok=True)
    finished = folder / "run.json"
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            run = start(folder)
            finished.write_text(json.dumps([str(run.data), run.code, run.output]), encoding="utf-8")
    data, code, output = json.loads(finished.read_text(encoding="utf-8"))
    assert code == 0, output
    return Run(Path(data), code, output)


@pytest.fixture(scope="session")
def dagster_home(everything: Run) -> Path:
    """DAGSTER_HOME of the run over all recordings."""
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


# The commands of the documents, or several of them in one.
MAKE = {
    ("run",): ["run"],
    ("live",): ["run", "SOURCE=live"],
    ("simulator",): ["run", "SOURCE=simulator", "ARGS=--refetch"],
    ("backfill",): ["run", "ARGS=--from 2026-05-15 --to 2026-07-03"],
    ("rollback",): ["rollback"],
}


def run(data: Path, home: Path, *arguments: str, timeout: int = 300, **settings: object) -> Run:
    """`make run`, or the verb `run` with these arguments, with only these settings of Routerscope."""
    command = ["make", *MAKE[arguments]] if arguments in MAKE else [*REFRESH, *arguments]
    finished = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(home, ROUTERSCOPE_DATA_DIR=data, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    return Run(data, finished.returncode, finished.stdout)


CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs the command line in this process, with only the given settings; the environment is restored afterwards."""

    def start(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        with (
            patch.dict(os.environ, environment(tmp_path / "home", **settings), clear=True),
            # COLUMNS of these settings counts, not that of the process that imported the consoles.
            patch.object(terminal.out, "_width", None),
            patch.object(terminal.err, "_width", None),
            patch.object(sys, "argv", ["routerscope", *arguments]),
            pytest.raises(SystemExit) as ended,
        ):
            run_app()
        return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), *capfd.readouterr())

    return start


NOWHERE = "http://127.0.0.1:9/api/v1"
NAME = "it's [a] *test"
KILLED_OUTPUT = "killed.txt"
# The simulation and the clock of the last run of version 0.1 in the old data folder. Every mart has rows.
SIMULATED = {
    "ROUTERSCOPE_SOURCE": "simulator",
    "ROUTERSCOPE_SIMULATOR": '{"models": 60, "days": 45, "observations": 10}',
    "ROUTERSCOPE_NOW": "2026-08-03T06:00:00Z",
}


@pytest.fixture(scope="session")
def simulated_home(simulated: Run) -> Path:
    """DAGSTER_HOME of the simulated run."""
    return simulated.data / "dagster_home"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the simulator over a data folder of version 0.1, with a refetch, after a backfill that was killed; for
    reading only."""

    def start(folder: Path) -> Run:
        unpack_old_data_folder(folder)
        data, settings = folder / "data", {"DAGSTER_HOME": "", **SIMULATED}  # without a home, as most users have it
        output = killed_run(
            lambda process: os.killpg(process, signal.SIGKILL),
            warehouse=data / "warehouse.duckdb",
            command=["make", *MAKE[("backfill",)]],
            folder=PROJECT,
            settings=environment(Path(), ROUTERSCOPE_DATA_DIR=data, **settings),
        )
        (folder / KILLED_OUTPUT).write_text(output, encoding="utf-8")
        return run(data, Path(), "simulator", **settings)

    return shared_run(tmp_path_factory, "simulated", start)


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run without a source, on a machine without a network: of the sample, in a folder whose name needs quotes and
    escapes. For reading only."""
    return shared_run(
        tmp_path_factory,
        "sampled",
        lambda folder: run(folder / NAME, make_home(folder / "home"), "run", ROUTERSCOPE_BASE_URL=NOWHERE),
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "dagster_home")


def new_responses() -> dict[str, int]:
    """Number of responses by surface that a run with the settings of the environment adds; fails on any problem."""
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake)
    results = {name: load_surface(surface, source, lake, FetchOptions()) for name, surface in SURFACES.items()}
    assert [problem for result in results.values() for problem in result.problems] == []
    return {name: result.responses_added for name, result in results.items() if result.responses_added}


# Three responses of a month, of which the second revises a day, and three price lists: enough for every mart.
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


# Any file or stream without a stated encoding would be ASCII, and fail at the first other character.
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


@pytest.fixture(scope="session")
def few_run(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Run:
    """A run over the few recordings, after one that was killed and whose dbt went on, in a locale that has ASCII only;
    for reading only."""

    def start(folder: Path) -> Run:
        data, few, home = folder / "data", copy_recordings(recordings, folder / "few"), make_home(folder / "home")
        killed_run(
            lambda process: os.kill(process, signal.SIGKILL),
            warehouse=data / "warehouse.duckdb",
            command=REFRESH,
            folder=PROJECT,
            settings=replay_environment(data, few, home) | ASCII_LOCALE,
        )
        return replay(data, few, home, locale=ASCII_LOCALE)

    return shared_run(tmp_path_factory, "few", start)


def copy_data_folder(data: Path, copy: Path) -> Path:
    """A copy of a data folder, in which raw files and releases are hard links, as the product never changes them.

    A test that changes one in place uses `replace_content`.
    """

    def link_or_copy(source: str, target: str) -> None:
        folder = Path(source).relative_to(data).parts[0]
        is_immutable = folder == "releases" or (folder == "raw" and source.endswith(".parquet"))
        (os.link if is_immutable else shutil.copy2)(source, target)

    return Path(shutil.copytree(data, copy, symlinks=True, copy_function=link_or_copy))


def replace_content(path: Path, content: bytes) -> None:
    """Change a file that may be a hard link, without changing the file that it is a link to."""
    path.unlink()
    path.write_bytes(content)


@pytest.fixture
def started_from_few(few_run: Run, tmp_path: Path) -> Path:
    """A copy of the data folder that the run over the few recordings left behind."""
    return copy_data_folder(few_run.data, tmp_path / "data")


@pytest.fixture(scope="session")
def manifest() -> dict:
    from orchestration.transform.manifest import MANIFEST  # parses the project, which takes seconds

    return dict(MANIFEST)


def stated_requests(day: int, has_key: bool, models: int, row: str | None = None) -> dict[str, int]:
    """The requests by surface that docs/requests.md states for the first (0) or second (1) day."""
    lines = (PROJECT / "docs" / "requests.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    column = 2 + day + (0 if has_key else 2)
    stated = {cell[0]: cell[column].replace("models", str(models)) for cell in cells}
    names = [row] if row else [name for name in stated if name.islower() and name != "surface" and "*" not in name]
    return {name: int(stated[name]) for name in names}


@pytest.fixture(scope="session")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with logs of own calls in every format, priced; what is true of them is in `truth/`."""
    data = tmp_path_factory.mktemp("own") / "it's data"
    priced_logs(data)
    return data
