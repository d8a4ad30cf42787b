"""`routerscope up` and `routerscope ui`: Dagster's web server, with or without the daemon, until one of them ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import typer

from orchestration.cli.dagster_home import use_dagster_home
from orchestration.cli.maintain import tidy_home
from orchestration.cli.terminal import Data, ExitCode, Port, errors_as_lines, say
from orchestration.folders import PROJECT_DIR, data_folder

DEFAULT_PORT = 3000
_SHUTDOWN_TIMEOUT_SECONDS = 30


def up(port: Port = DEFAULT_PORT) -> None:
    """Serve Dagster's UI and run the schedules and alerts.

    Needs ROUTERSCOPE_SOURCE. Ctrl-C stops both the web server and the daemon.
    """
    from orchestration.settings import Settings

    with errors_as_lines():
        settings = Settings.load()  # an invalid setting fails here, not at every tick of a schedule
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(settings.data)
        home = use_dagster_home(settings.data)
        tidy_home(settings.data)
    lines = [
        f"Source {settings.source}, data in {settings.data}, DAGSTER_HOME is {home}.",
        "The UI's Automation page lists the schedules.",
    ]
    code = _serve([_webserver(port), ["dagster-daemon", "run"]], port, lines)
    raise typer.Exit(code)


def ui(port: Port = DEFAULT_PORT, data: Data = None) -> None:
    """Serve Dagster's UI read-only, without schedules."""
    with errors_as_lines():
        folder = data_folder(data)
        # The pages name the source of the release that the folder holds, not the one that a run would read.
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(folder)
        os.environ.pop("ROUTERSCOPE_SOURCE", None)
        home = use_dagster_home(folder)
        tidy_home(folder)
    code = _serve(
        [[*_webserver(port), "--read-only"]], port, [f"Showing the runs in {folder}. DAGSTER_HOME is {home}."]
    )
    raise typer.Exit(code)


def _webserver(port: int) -> list[str]:
    return ["dagster-webserver", "--host", "127.0.0.1", "--port", str(port)]


def _serve(commands: list[list[str]], port: int, lines: list[str]) -> ExitCode:
    """Start Dagster's programs and wait. When one ends, or on Ctrl-C or SIGTERM, end the others."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        workspace = ["--workspace", str(PROJECT_DIR / "workspace.yaml")]
        started = []
        for command in commands:
            program = str(Path(sys.executable).with_name(command[0]))
            process = subprocess.Popen([program, *command[1:], *workspace], cwd=PROJECT_DIR)  # noqa: S603  # Dagster's own
            stack.callback(_end, process)
            started.append((command[0], process))
        say(f"Dagster's UI starts on http://127.0.0.1:{port} in a few seconds. Ctrl-C stops it.")
        for line in lines:
            say(line)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                for name, process in started:
                    if process.poll() is not None:
                        say(f"{name} exited with code {process.returncode}; its last lines are above.")
                        return ExitCode.FAILED
                time.sleep(1)
    return ExitCode.OK


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_SHUTDOWN_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
