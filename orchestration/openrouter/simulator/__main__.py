"""`make simulator`: the simulated OpenRouter as an HTTP server on this machine, on the real clock."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time

from orchestration.errors import SettingsError
from orchestration.openrouter.simulator.api import KEY, Simulator
from orchestration.openrouter.simulator.server import serve
from orchestration.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    port = parser.parse_args().port
    try:
        settings = Settings.load(source="simulator")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    offset = settings.now - dt.datetime.now(dt.UTC) if settings.now else dt.timedelta()

    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC) + offset

    # The data extends a year ahead, so that the server can run for that long.
    simulator = Simulator(settings.simulation, now, now().date() + dt.timedelta(days=366), time.sleep)
    with serve(simulator, port) as url:
        sys.stdout.write(
            f"A simulated OpenRouter runs at {url} (every figure is invented). Ctrl-C stops it. To fetch from it:\n"
            f"  ROUTERSCOPE_BASE_URL={url} OPENROUTER_API_KEY={KEY} ROUTERSCOPE_DATA_DIR=data/simulator-live \\\n"
            "    make run SOURCE=live\n"
            "or the same without OPENROUTER_API_KEY, to try it without a key.\n"
        )
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
