"""Ending the programs that `up` and `ui` start: within a bound, and with every process that they started themselves."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from conftest import PROJECT, environment

MAX_SECONDS = 5
# Goes on after SIGTERM, as a code server does while it loads, and starts a process that does so too.
STUBBORN = """
    import pathlib, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, lambda *_: print("Traceback", file=sys.stderr))
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"])
    pathlib.Path(sys.argv[1]).write_text(str(child.pid))
    time.sleep(600)
"""
SERVE = """
    import sys
    from orchestration.cli.serve import serve
    programs = [[sys.executable, "-c", sys.argv[1], f"{sys.argv[2]}/{name}"] for name in ("web", "daemon")]
    sys.exit(serve(programs, ["serving"]))
"""


@pytest.fixture
def started(tmp_path: Path) -> subprocess.Popen[str]:
    """`serve` with two stubborn programs, once both run."""
    command = [sys.executable, "-c", textwrap.dedent(SERVE), textwrap.dedent(STUBBORN), str(tmp_path)]
    process = subprocess.Popen(
        ["env", "--default-signal", *command],
        cwd=PROJECT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    deadline = time.monotonic() + 30
    while (
        len(
            [path for path in tmp_path.iterdir() if path.name in ("web", "daemon") and path.read_text(encoding="utf-8")]
        )
        < 2
    ):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_ends_everything_within_five_seconds(
    started: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    children = [int((tmp_path / name).read_text(encoding="utf-8")) for name in ("web", "daemon")]
    begun = time.monotonic()
    started.send_signal(number)
    output, _ = started.communicate(timeout=30)
    assert time.monotonic() - begun < MAX_SECONDS
    assert (started.returncode, output) == (0, "serving\nStopping …\n")
    assert not any(map(is_running, children))


def test_serve_prints_what_its_programs_write(tmp_path: Path) -> None:
    printing = r"print('\033[32mto standard output\033[0m'); print('to standard error', file=sys.stderr)"
    failing = f"import sys; {printing}; sys.exit(3)"
    start = f"serve([[sys.executable, '-c', {failing!r}]], [])"
    code = f"import sys; from orchestration.cli.serve import serve; sys.exit({start})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert sorted(done.stdout.splitlines()[:2]) == ["to standard error", "to standard output"]
    assert "exited with code 3; its last lines are above." in done.stdout


def test_serve_fails_if_a_program_exits(started: subprocess.Popen[str], tmp_path: Path) -> None:
    children = [int((tmp_path / name).read_text(encoding="utf-8")) for name in ("web", "daemon")]
    parent = Path(f"/proc/{children[0]}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
    os.kill(int(parent), signal.SIGKILL)
    output, _ = started.communicate(timeout=30)
    assert started.returncode == 1
    assert "exited with code -9; its last lines are above." in output
    assert not any(map(is_running, children))
