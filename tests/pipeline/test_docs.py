"""Every command in the documents is run here as printed there, or is listed with the test that runs it."""

import configparser
import datetime as dt
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import httpx
import pytest
from conftest import MAKE, NOWHERE, PROJECT, CommandLine, Run, copy_data_folder, environment
from served import served
from test_generated_docs import assert_document

from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.server import serve as serve_simulator
from orchestration.settings import Simulation

DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FENCES = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TINY = '{"models": 60, "days": 45, "observations": 2}'
# Run by `.ci/run`.
BY_CI = {"make test", "make test-spark", "make lint", "make bench", "make lock"}
# Take too long for every change. `make lint` shows that `make format` changes nothing, and `make test` that `make docs`
# does not.
ON_DEMAND = {"make test-long", "make bench-long", "make contract", "make format", "make docs"}
# Run by the test of the systemd unit; the browser tests run `make ui`.
UP = "make up SOURCE=live"
LIVE_CHECK = "make live-check > live-check.md"
COMMAND_LINE = PROJECT / "docs" / "command-line.md"


def blocks(language: str) -> list[tuple[Path, str]]:
    return [
        (path, body)
        for path in DOCUMENTS
        for kind, body in FENCES.findall(path.read_text(encoding="utf-8"))
        if kind == language
    ]


def is_run_by_others(command: str) -> bool:
    """Whether conftest's whole runs, test_live or test_upgrade run this command, alone or with more settings."""
    return any(set(shlex.split(command)) <= {"make", *words} for words in MAKE.values())


def commands(path: Path) -> list[str]:
    bodies = [body for kind, body in FENCES.findall(path.read_text(encoding="utf-8")) if kind == "sh"]
    return [line.partition("  #")[0].strip() for body in bodies for line in body.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def place(everything: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a reader has it, with the release of the recordings in data/replay."""
    folder = tmp_path_factory.mktemp("project")
    for path in PROJECT.iterdir():
        if path.name not in ("data", "target", "dagster_home"):
            (folder / path.name).symlink_to(path)
    (folder / "data").mkdir()
    copy_data_folder(everything.data, folder / "data" / "replay")
    return folder


def shell(command: str, place: Path, home: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env=environment(home, ROUTERSCOPE_DATA_DIR=place / "data" / "replay", **settings),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


# Each command once, with the last document that shows it.
READING = {command: path for path in DOCUMENTS for command in commands(path) if not command.startswith("make ")}


@pytest.mark.parametrize(
    ("command", "path"), [pytest.param(*one, id=f"{one[1].stem}: {one[0][:60]}") for one in READING.items()]
)
def test_documented_reading_command_succeeds(
    command: str,
    path: Path,
    place: Path,
    home: Path,
    command_line: CommandLine,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "--promptfoo" in command:
        request.getfixturevalue("all_recordings")  # the sample does not say which models have tools
    program, *arguments = shlex.split(command)
    if program.endswith("/routerscope") and not {"&&", "|", ">"} & {*arguments}:
        monkeypatch.chdir(place)
        done = command_line(*arguments, ROUTERSCOPE_DATA_DIR=place / "data" / "replay")
    else:
        done = shell(command, place, home)
    # The recordings end in August and lack some surfaces: the status is doubtful or invalid.
    expected = {0, 3, 4} if "status" in command else {0}
    assert done.returncode in expected, f"{path}: {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(("path", "code"), [pytest.param(*one, id=one[0].stem) for one in blocks("python")])
def test_documented_python_runs(path: Path, code: str, place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{path}: {done.stderr}"


def test_notebook_draws_no_line_across_a_missing_week() -> None:
    [code] = [code for _, code in blocks("python") if 'detail="stretch:N"' in code]
    [sql] = re.findall(r'sql\("""(.*?)"""\)', code, re.DOTALL)
    with duckdb.connect() as connection:
        connection.execute(
            "create table share_author as "
            "select 'week' as period, date '2026-05-25' + cast(7 * n as integer) as period_start, 'a' as author, "
            "0.1 as share, 1 as rank from range(5) as weeks(n) where n <> 2"
        )
        stretches = [row[-1] for row in connection.sql(sql).fetchall()]
    assert stretches[0] == stretches[1] != stretches[2] == stretches[3]


@pytest.mark.parametrize(("path", "code"), [pytest.param(*one, id=one[0].stem) for one in blocks("r")])
def test_documented_r_runs(path: Path, code: str, place: Path, home: Path) -> None:
    if shutil.which("Rscript") is None:
        missing = "needs Debian's r-base-core"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    (place / "query.R").write_text(code, encoding="utf-8")
    done = shell("Rscript query.R", place, home)
    assert done.returncode == 0, f"{path}: {done.stderr}"


def test_documented_make_commands_are_run() -> None:
    documented = {one for path in DOCUMENTS for one in commands(path) if one.startswith("make ")}
    assert {one for one in documented if not is_run_by_others(one)} == BY_CI & documented | {UP, LIVE_CHECK}


def test_documented_live_check_writes_a_file(place: Path, home: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    simulator = Simulator(Simulation(models=60, days=45, observations=2), lambda: now, now.date())
    with serve_simulator(simulator) as url:
        done = shell(LIVE_CHECK, place, home, ROUTERSCOPE_BASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert (
        (place / "live-check.md")
        .read_text(encoding="utf-8")
        .startswith("# Live check: 4 of 4 checked surfaces can be used")
    )


def test_simulator_is_served(home: Path, tmp_path: Path) -> None:
    settings = environment(home, ROUTERSCOPE_SIMULATOR=TINY)
    with served("make simulator PORT={port}", "api/v1/models", settings, tmp_path / "log") as address:
        models = httpx.get(f"{address}/api/v1/models", timeout=30).json()["data"]
    assert len(models) > 40


def test_systemd_unit_starts_and_stops(home: Path, tmp_path: Path) -> None:
    parsed = configparser.ConfigParser()
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(PROJECT / "deploy" / "routerscope.service", encoding="utf-8")
    assert set(parsed["Service"]) == {"WorkingDirectory", "EnvironmentFile", "ExecStart", "Restart", "User"}
    start = parsed["Service"]["ExecStart"]
    assert start == f"/usr/bin/{UP}"
    data = tmp_path / "data"
    settings = environment(home, DAGSTER_HOME="", ROUTERSCOPE_DATA_DIR=data, ROUTERSCOPE_BASE_URL=NOWHERE)
    with served(f"exec {start} PORT={{port}}", "server_info", settings, tmp_path / "log") as address:
        pass
    output = (tmp_path / "log").read_text(encoding="utf-8")
    assert address in output
    assert f"DAGSTER_HOME is {data / 'dagster_home'}." in output
    assert (data / "dagster_home" / "schedules").is_dir()


def test_crontab_line_reads_the_environment_file(home: Path, tmp_path: Path) -> None:
    [(_, lines)] = blocks("crontab")
    zone, line = lines.strip().splitlines()
    assert zone == "CRON_TZ=UTC"
    (tmp_path / "env").write_text(
        f"ROUTERSCOPE_BASE_URL={NOWHERE}\nROUTERSCOPE_DATA_DIR={tmp_path / 'data'}\n", encoding="utf-8"
    )
    *due, command = line.split(maxsplit=5)
    assert due == ["10", "2", "*", "*", "*"]
    here = command.replace("/srv/routerscope", str(PROJECT)).replace("/etc/routerscope.env", str(tmp_path / "env"))
    # As cron does it: another shell and almost no environment. PYTHONPATH, if set, names the worktree under test.
    kept = ("PATH", "HOME", "DAGSTER_HOME", "PYTHONPATH")
    bare = {name: value for name, value in environment(home).items() if name in kept}
    done = subprocess.run(["sh", "-c", here], env=bare, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert f"{NOWHERE} does not respond. Nothing was fetched" in done.stdout
    assert str(tmp_path / "data") in done.stdout


def test_clean_keeps_data(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    config = tmp_path / "gitconfig"
    config.write_text("[safe]\ndirectory = *\n", encoding="utf-8")  # the checkout may belong to another user
    as_reader = os.environ | {"GIT_CONFIG_GLOBAL": str(config)}
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(copy)], env=as_reader, check=True)
    for name in ("data/live/raw/x", "target/x", ".venv/x", "dagster_home/storage/x"):
        (copy / name).parent.mkdir(parents=True)
        (copy / name).touch()
    subprocess.run(["make", "clean"], cwd=copy, env=environment(home), check=True, capture_output=True)
    assert (copy / "data" / "live" / "raw" / "x").exists()
    assert not any((copy / name).exists() for name in ("target", ".venv", "dagster_home/storage"))
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=copy, check=True, capture_output=True, encoding="utf-8").stdout == ""


def test_every_make_target_is_run(home: Path) -> None:
    makefile, ci = ((PROJECT / name).read_text(encoding="utf-8") for name in ("Makefile", ".ci/run"))
    [targets] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    here = {f"make {name}" for name in ("run", "live-check", "help", "up", "ui", "simulator", "rollback", "clean")}
    assert {f"make {name}" for name in targets.split()} == here | BY_CI | ON_DEMAND
    for command in BY_CI:
        assert re.search(rf"^{command}$", ci, re.MULTILINE), command
    [recipe] = re.findall(r"^docs:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    tests = [(path, path.read_text(encoding="utf-8")) for path in (PROJECT / "tests").rglob("test_*.py")]
    assert set(re.findall(r"\btests/[\w/]+\.py", recipe)) == {
        str(path.relative_to(PROJECT)) for path, text in tests if "assert_document(" in text
    }
    done = subprocess.run(
        ["make", "run", "ARGS=--help"],
        cwd=PROJECT,
        env=environment(home),
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert "--refetch" in done.stdout


def test_command_line_reference_is_current(command_line: CommandLine, home: Path) -> None:
    def lines_of(text: str) -> list[str]:
        return [line.rstrip() for line in text.strip().splitlines()]

    def help_of(*verb: str) -> list[str]:
        return lines_of(command_line(*verb, "--help", COLUMNS="80", TERM="dumb", NO_COLOR="1").stdout)

    def verbs_of(lines: list[str]) -> list[str]:
        listed = "\n".join(lines).partition("Commands:\n")[2].split("\n\n")[0].splitlines()
        return [line.split()[0] for line in listed]

    def sections(*verb: str) -> list[str]:
        shown = help_of(*verb)
        lines = [f"## {' '.join(('routerscope', *verb))}", "", "```", *shown, "```", ""]
        return lines + [line for part in verbs_of(shown) for line in sections(*verb, part)]

    lines = ["# Command line", "", "Generated from `--help`: `make docs`.", "", *sections()]
    make = subprocess.run(
        ["make", "help"], cwd=PROJECT, env=environment(home), capture_output=True, encoding="utf-8", check=True
    )
    lines += ["## make", "", "```", *lines_of(make.stdout), "```", ""]
    assert_document(COMMAND_LINE, "\n".join(lines))


def test_links_between_documents_resolve() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_setting_is_documented() -> None:
    named = set(
        re.findall(
            r"^    ([A-Z_]{8,}) ", (PROJECT / "orchestration" / "settings.py").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    text = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert len(named) == 13
    assert {name for name in named if f"`{name}" not in text} == set()
