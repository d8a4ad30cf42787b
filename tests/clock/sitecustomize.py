"""Sets the clock of every Python process that has this folder on its path, off by the seconds in $TEST_CLOCK's file.

The file is read again and again, so that the clock can be moved while they run. How long things take stays as it is.
"""

import contextlib
import datetime as dt
import os
import threading
import time
import types
from pathlib import Path

import grpc._channel
import grpc._server
import time_machine

_CLOCK = Path(os.environ["TEST_CLOCK"])
_real = time.monotonic
_begun_at, _begun = time.time(), time.monotonic()


# gRPC measures in C what it has worked out in Python; both have to be on the one clock.
_real_clock = types.SimpleNamespace(time=time_machine.escape_hatch.time.time, perf_counter=time.perf_counter)
grpc._channel.time = grpc._server.time = _real_clock


def _ahead() -> float:
    with contextlib.suppress(ValueError, OSError):
        return float(_CLOCK.read_text())
    return 0.0


def _moment() -> dt.datetime:
    return dt.datetime.fromtimestamp(_begun_at + _real() - _begun + _ahead(), dt.UTC)


def _follow(clock: time_machine.Traveller) -> None:
    before = _ahead()
    while True:
        time.sleep(0.2)
        if (now := _ahead()) != before:
            before = now
            clock.move_to(_moment())


threading.Thread(target=_follow, args=[time_machine.travel(_moment()).start()], daemon=True).start()
