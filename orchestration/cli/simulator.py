"""`routerscope simulator`: the simulated OpenRouter as an HTTP server on this machine, on the real clock."""

from __future__ import annotations

import contextlib
import datetime as dt
import time

import typer

from orchestration.cli.terminal import ExitCode, Port, errors_as_lines, say

DEFAULT_PORT = 8080
# The simulated history reaches this far ahead, so that a server that keeps running does not run out of it.
_DAYS_AHEAD = 366


def simulator(port: Port = DEFAULT_PORT) -> None:
    """Serve a simulated OpenRouter API for trying out clients.

    Every figure is invented. ROUTERSCOPE_SIMULATOR sets its size and its faults.
    """
    from orchestration.openrouter.simulator import Simulator
    from orchestration.openrouter.simulator.api import KEY
    from orchestration.openrouter.simulator.server import serve
    from orchestration.settings import Settings

    with errors_as_lines():
        settings = Settings.load(source="simulator")
    offset = settings.now - dt.datetime.now(dt.UTC) if settings.now else dt.timedelta()

    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC) + offset

    served = Simulator(settings.simulation, now, now().date() + dt.timedelta(days=_DAYS_AHEAD), time.sleep)
    try:
        with serve(served, port) as url, contextlib.suppress(KeyboardInterrupt):
            say(f"A simulated OpenRouter is at {url} (every figure is invented). Ctrl-C stops it. To fetch from it:")
            say(f"  ROUTERSCOPE_BASE_URL={url} OPENROUTER_API_KEY={KEY} \\")
            say("    ROUTERSCOPE_DATA_DIR=data/simulator-live make run SOURCE=live")
            say("To fetch without a key, leave out OPENROUTER_API_KEY.")
            while True:
                time.sleep(3600)
    except OSError as error:
        say(f"127.0.0.1:{port} cannot be used: {error.strerror}. Nothing is served. Choose another port with --port.")
        raise typer.Exit(ExitCode.FAILED) from error
