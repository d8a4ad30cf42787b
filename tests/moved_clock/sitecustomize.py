"""Shifts the clock of every Python process with this folder on its path, by the seconds in the file $TEST_CLOCK.

The file is polled, so the clock can be moved while processes run. Durations (`time.monotonic`) stay real.
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
_real_monotonic = time.monotonic
_started_at, _started = time.time(), time.monotonic()


# gRPC computes deadlines in Python and measures them in C, so both need the real clock.
_real_clock = types.SimpleNamespace(time=time_machine.escape_hatch.time.time, perf_counter=time.perf_counter)
grpc._channel.time = grpc._server.time = _real_clock


def _offset_seconds() -> float:
    with contextlib.suppress(ValueError, OSError):
        return float(_CLOCK.read_text(encoding="utf-8"))
    return 0.0


def _shifted_now() -> dt.datetime:
    return dt.datetime.fromtimestamp(_started_at + _real_monotonic() - _started + _offset_seconds(), dt.UTC)


def _follow_file(clock: time_machine.Traveller) -> None:
    before = _offset_seconds()
    while True:
        time.sleep(0.2)
        if (now := _offset_seconds()) != before:
            before = now
            clock.move_to(_shifted_now())


threading.Thread(target=_follow_file, args=[time_machine.travel(_shifted_now()).start()], daemon=True).start()
