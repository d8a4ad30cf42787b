"""Every command of the documents is run here as it stands there, or is named with the test that runs it."""

import configparser
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from conftest import MAKE, NOWHERE, PROJECT, Run, environment, make_home
from test_documents import assert_document

DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FENCES = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TINY = '{"models": 60, "days": 45, "observations": 2}'
# Run by `.ci/run`.
BY_CI = {"make test", "make lint", "make format", "make docs", "make bench", "make lock"}
# Run with just these words by conftest's `simulated`, and by test_live.
BY_OTHERS = {" ".join(["make", *words]) for words in MAKE.values()}
# Run by the test of the unit for systemd.
UP = "make up SOURCE=live"
COMMAND_LINE = PROJECT / "docs" / "command-line.md"


def blocks(language: str) -> list[tuple[Path, str]]:
    return [(path, body) for path in DOCUMENTS for kind, body in FENCES.findall(path.read_text()) if kind == language]


def commands(path: Path) -> list[str]:
    told = [body for kind, body in FENCES.findall(path.read_text()) if kind == "sh"]
    return [line.partition("  #")[0].strip() for body in told for line in body.splitlines() if line.strip()]


@pytest.fixture
def place(everything: Run, tmp_path: Path) -> Path:
    """The project as a reader has it, with the recordings' tables in data/replay."""
    folder = tmp_path / "project"
    folder.mkdir()
    for path in PROJECT.iterdir():
        if path.name not in ("data", "target", "dagster_home"):
            (folder / path.name).symlink_to(path)
    (folder / "data").mkdir()
    shutil.copytree(everything.data, folder / "data" / "replay", symlinks=True)
    return folder


def told(command: str, place: Path, home: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env=environment(home, ROUTERSCOPE_DATA_DIR=place / "data" / "replay", **settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


READING = [
    pytest.param(path, command, id=f"{path.stem}: {command[:60]}")
    for path in DOCUMENTS
    for command in commands(path)
    if not command.startswith("make ")
]


@pytest.mark.parametrize(("path", "command"), READING)
def test_a_command_that_asks_or_copies_does_as_told(path: Path, command: str, place: Path, home: Path) -> None:
    done = told(command, place, home)
    # The recordings end in August and lack some surfaces: that is a doubt, or too old, and said.
    fine = {0, 3, 4} if "status" in command else {0}
    assert done.returncode in fine, f"{path}: {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(("path", "code"), [pytest.param(*one, id=one[0].stem) for one in blocks("python")])
def test_python_of_the_documents_runs(path: Path, code: str, place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{path}: {done.stderr}"


@pytest.mark.parametrize(("path", "code"), [pytest.param(*one, id=one[0].stem) for one in blocks("r")])
def test_r_of_the_documents_runs(path: Path, code: str, place: Path, home: Path) -> None:
    if shutil.which("Rscript") is None:
        missing = "needs Debian's r-base-core"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    (place / "ask.R").write_text(code)
    done = told("Rscript ask.R", place, home)
    assert done.returncode == 0, f"{path}: {done.stderr}"


def test_a_reader_who_runs_one_after_the_other_gets_what_is_promised(tmp_path: Path, home: Path) -> None:
    """What changes a data folder, in the order in which the guides come to it, in one folder with a tiny world."""
    data = tmp_path / "data"
    in_order = ["make run SOURCE=simulator", 'make run ARGS="--from 2026-11-01 --to 2026-11-03"', "make rollback"]
    in_order += ["make run ARGS=--refetch"]
    changing = {one for path in DOCUMENTS for one in commands(path) if one.startswith("make ")}
    assert changing - BY_CI - BY_OTHERS - {UP} == set(in_order)
    settings = environment(
        make_home(home),
        ROUTERSCOPE_DATA_DIR=data,
        ROUTERSCOPE_SIMULATOR=TINY,
        ROUTERSCOPE_BASE_URL=NOWHERE,
        ROUTERSCOPE_NOW="2026-11-22",
    )
    published = [None]
    for command in in_order:
        done = subprocess.run(
            ["bash", "-c", command], cwd=PROJECT, env=settings, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        now = (data / "published").resolve().name
        assert now != published[-1]
        published.append(now)
    assert published[3] == published[1], "the one before again"


@contextmanager
def answering(command: str, path: str, settings: dict[str, str], log: Path) -> Iterator[str]:
    """What serves, as it is told to a reader, until it has answered; ended as systemd or Ctrl-C would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        # With the signals of a shell of one's own: Dagster, used in this process, may have made it deaf to some.
        process = subprocess.Popen(
            ["env", "--default-signal", "bash", "-c", command.format(port=port)],
            cwd=PROJECT,
            env=settings,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            for _ in range(90):
                if process.poll() is not None:
                    pytest.fail(log.read_text())
                try:
                    httpx.get(f"{address}/{path}", timeout=1).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(1)
            else:
                pytest.fail(log.read_text())
            yield address
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def test_the_ui_is_for_looking_alone(everything: Run, dagster_home: Path, tmp_path: Path) -> None:
    settings = environment(dagster_home, ROUTERSCOPE_DATA_DIR=everything.data)
    with answering("make ui PORT={port}", "server_info", settings, tmp_path / "log") as address:
        answer = httpx.post(
            f"{address}/graphql", json={"query": "{ permissions { permission value } }"}, timeout=60
        ).raise_for_status()
    permissions = answer.json()["data"]["permissions"]
    allowed = {one["permission"]: one["value"] for one in permissions}
    assert not allowed["launch_pipeline_execution"]
    assert not allowed["terminate_pipeline_execution"]


def test_the_simulator_is_served(home: Path, tmp_path: Path) -> None:
    settings = environment(home, ROUTERSCOPE_SIMULATOR=TINY)
    with answering("make simulator PORT={port}", "api/v1/models", settings, tmp_path / "log") as address:
        models = httpx.get(f"{address}/api/v1/models", timeout=30).json()["data"]
    assert len(models) > 40


def test_the_unit_for_systemd_starts_it_and_ends_it(home: Path, tmp_path: Path) -> None:
    [unit] = [body for path, body in blocks("") if path.stem == "deploy"]
    told = configparser.ConfigParser()
    told.optionxform = str  # type: ignore[assignment, method-assign]
    told.read_string(unit)
    assert set(told["Service"]) == {"WorkingDirectory", "EnvironmentFile", "ExecStart", "Restart", "User"}
    start = told["Service"]["ExecStart"]
    assert start == f"/usr/bin/{UP}"
    settings = environment(home, ROUTERSCOPE_DATA_DIR=tmp_path / "data", ROUTERSCOPE_BASE_URL=NOWHERE)
    with answering(f"exec {start} PORT={{port}}", "server_info", settings, tmp_path / "log") as address:
        pass
    assert address in (tmp_path / "log").read_text()


def test_the_line_for_cron_has_the_settings_of_the_machine(home: Path, tmp_path: Path) -> None:
    [(_, lines)] = blocks("crontab")
    zone, line = lines.strip().splitlines()
    assert zone == "CRON_TZ=UTC"
    (tmp_path / "env").write_text(f"ROUTERSCOPE_BASE_URL={NOWHERE}\nROUTERSCOPE_DATA_DIR={tmp_path / 'data'}\n")
    *due, command = line.split(maxsplit=5)
    assert due == ["10", "2", "*", "*", "*"]
    here = command.replace("/srv/routerscope", str(PROJECT)).replace("/etc/routerscope.env", str(tmp_path / "env"))
    # As cron does it, with another shell and next to no environment.
    bare = {name: value for name, value in environment(home).items() if name in ("PATH", "HOME", "DAGSTER_HOME")}
    done = subprocess.run(["sh", "-c", here], env=bare, capture_output=True, text=True, timeout=120, check=False)
    assert f"{NOWHERE} does not answer. Nothing was fetched" in done.stdout
    assert str(tmp_path / "data") in done.stdout


def test_what_clean_leaves(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(copy)], check=True)
    for name in ("data/live/raw/x", "target/x", ".venv/x", "dagster_home/storage/x"):
        (copy / name).parent.mkdir(parents=True)
        (copy / name).touch()
    subprocess.run(["make", "clean"], cwd=copy, env=environment(home), check=True, capture_output=True)
    assert (copy / "data" / "live" / "raw" / "x").exists()
    assert not any((copy / name).exists() for name in ("target", ".venv", "dagster_home/storage"))
    told = ["git", "status", "--porcelain"]
    assert subprocess.run(told, cwd=copy, check=True, capture_output=True, text=True).stdout == ""


def test_every_target_of_make_is_run(home: Path) -> None:
    makefile, ci = ((PROJECT / name).read_text() for name in ("Makefile", ".ci/run"))
    [targets] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    here = {f"make {name}" for name in ("run", "help", "up", "ui", "simulator", "rollback", "clean")}
    assert {f"make {name}" for name in targets.split()} == here | BY_CI
    for command in BY_CI:
        assert re.search(rf"^{command}$", ci, re.MULTILINE), command
    said = subprocess.run(
        ["make", "run", "ARGS=--help"], cwd=PROJECT, env=environment(home), check=True, capture_output=True, text=True
    )
    assert "--refetch" in said.stdout


def test_the_command_line_is_what_help_says(home: Path) -> None:
    told = ["# Command line", ""]
    wide = environment(home, COLUMNS="110", TERM="dumb", NO_COLOR="1")
    programs = [[str(Path(sys.executable).with_name("routerscope")), *one] for one in ([], ["status"], ["query"])]
    programs += [[programs[0][0], "cite"], [programs[0][0], "trace"], [sys.executable, "-m", "orchestration.cli.run"]]
    programs += [[*programs[-1], "run"], [*programs[-1], "up"]]
    for program in programs:
        name = " ".join(program).replace(sys.executable, "python").replace(programs[0][0], "routerscope")
        said = subprocess.run([*program, "--help"], cwd=PROJECT, env=wide, capture_output=True, text=True, check=True)
        told += [f"## {name}", "", "```", *(line.rstrip() for line in said.stdout.strip().splitlines()), "```", ""]
    made = subprocess.run(["make", "help"], cwd=PROJECT, env=wide, capture_output=True, text=True, check=True).stdout
    told += ["## make", "", "```", *made.strip().splitlines(), "```", ""]
    assert_document(COMMAND_LINE, "\n".join(told))


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_setting_is_in_the_reference() -> None:
    named = set(
        re.findall(r"^    ([A-Z_]{8,}) ", (PROJECT / "orchestration" / "settings.py").read_text(), re.MULTILINE)
    )
    text = (PROJECT / "docs" / "settings.md").read_text()
    assert len(named) == 10
    assert {name for name in named if f"`{name}" not in text} == set()
