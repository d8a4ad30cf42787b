"""`routerscope up` and `routerscope ui`: Dagster's web server, with or without the daemon, until one of them ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from orchestration.cli.dagster_home import use_dagster_home
from orchestration.cli.maintain import tidy_home
from orchestration.cli.terminal import Data, ExitCode, Port, errors_as_lines, say
from orchestration.folders import PROJECT_DIR, data_folder
from orchestration.storage.files import check_data_folder

DEFAULT_PORT = 3000
# Runs that are not finished by then are killed; the next start marks them as failed.
_SHUTDOWN_TIMEOUT_SECONDS = 2.0
_POLL_SECONDS = 0.2
_COLOR = re.compile("\x1b\\[[0-9;]*m")  # Dagster colors its lines, even for a file


def up(port: Port = DEFAULT_PORT) -> None:
    """Serve Dagster's UI and run the schedules and alerts.

    Needs ROUTERSCOPE_SOURCE. Ctrl-C stops the web server, the daemon and unfinished runs within 5 seconds.
    """
    from orchestration.openrouter.client import Client
    from orchestration.settings import Settings

    with errors_as_lines():
        settings = Settings.load()  # an invalid setting fails here, not at every tick of a schedule
        if settings.source == "live":
            Client(str(settings.base_url))  # and so does an unusable proxy
        check_data_folder(settings.data)
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(settings.data)
        home = use_dagster_home(settings.data)
        tidy_home(settings.data)
    # At each tick, the daemon would report that a sensor has nothing to do, for example because no channel is set.
    daemon = _dagster("dagster-daemon", "run", "--log-level", "warning")
    lines = [
        *_first_lines(port),
        f"Source {settings.source}, data in {settings.data}, DAGSTER_HOME is {home}.",
        "The UI's Automation page lists the schedules.",
    ]
    raise typer.Exit(serve([_webserver(port), daemon], lines))


def ui(port: Port = DEFAULT_PORT, data: Data = None) -> None:
    """Serve Dagster's UI read-only, without schedules."""
    with errors_as_lines():
        folder = data_folder(data)
        check_data_folder(folder)
        # The pages name the source of the release that the folder holds, not the one that a run would read.
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(folder)
        os.environ.pop("ROUTERSCOPE_SOURCE", None)
        home = use_dagster_home(folder)
        tidy_home(folder)
    lines = [*_first_lines(port), f"Showing the runs in {folder}. DAGSTER_HOME is {home}."]
    raise typer.Exit(serve([[*_webserver(port), "--read-only"]], lines))


def _first_lines(port: int) -> list[str]:
    return [f"Dagster's UI starts on http://127.0.0.1:{port} in a few seconds. Ctrl-C stops it."]


def _webserver(port: int) -> list[str]:
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return _dagster("dagster-webserver", *address, "--code-server-log-level", "warning")


def _dagster(name: str, *arguments: str) -> list[str]:
    """The command that starts one of Dagster's programs, which is installed beside Python."""
    program = Path(sys.executable).with_name(name)
    return [str(program), *arguments, "--workspace", str(PROJECT_DIR / "workspace.yaml")]


def serve(commands: Sequence[Sequence[str]], lines: Sequence[str]) -> ExitCode:
    """Start programs, print the lines, and wait until one of them ends, or for Ctrl-C, SIGTERM or SIGHUP; end them all.

    Each program has its own process group, so that the servers it started end with it, and so that Ctrl-C in a terminal
    reaches this process only.
    """
    received: list[int] = []  # no Event: its lock may be held by the very code that the handler interrupts
    # The handler only notes the signal: an exception while a program starts would leave that program behind.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, lambda number, _: received.append(number))
    started: list[subprocess.Popen[bytes]] = []
    printers: list[threading.Thread] = []
    try:
        for command in commands:
            # In UTF-8, because Dagster's programs log our messages in the locale's encoding, which may lack characters.
            environment = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=PROJECT_DIR,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            started.append(process)  # each at once, to be ended if the next one does not start
            assert process.stdout  # noqa: S101  # it is a pipe
            printer = threading.Thread(target=_print_lines, args=(process.stdout, received), daemon=True)
            printer.start()
            printers.append(printer)
        for line in lines:
            say(line)
        while not received:
            time.sleep(_POLL_SECONDS)
            for command, process, printer in zip(commands, started, printers, strict=True):
                if process.poll() is not None:
                    printer.join(_POLL_SECONDS)  # its servers may still have the pipe
                    say(f"{Path(command[0]).name} exited with code {process.returncode}; its last lines are above.")
                    return ExitCode.FAILED
        say("Stopping …")
        return ExitCode.OK
    finally:
        _end(started)


def _print_lines(output: Iterable[bytes], received: Sequence[int]) -> None:
    """Print what a program writes until it is to end: one that is ended while it starts writes a traceback."""
    for line in output:
        if not received:
            say(_COLOR.sub("", line.decode(errors="replace").rstrip("\n")))


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask the groups of these processes to end, and kill what is left of them after the timeout."""
    deadline = time.monotonic() + _SHUTDOWN_TIMEOUT_SECONDS
    _signal_groups(processes, signal.SIGTERM)
    while _signal_groups(processes, 0) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    _signal_groups(processes, signal.SIGKILL)
    for process in processes:
        process.wait()


def _signal_groups(processes: Sequence[subprocess.Popen[bytes]], number: int) -> bool:
    """Send a signal, or none for 0, to the group of each process; whether any group still has a process."""
    is_any_left = False
    for process in processes:
        process.poll()  # a process that has ended stays in its group until it was waited for
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
            is_any_left = True
    return is_any_left
