"""Time: the clock that a component reads, and timestamps as people write them.

Code that needs the current time or has to wait takes a `Clock`, so that tests and simulations can set it. A source's
clock is chosen in `ingest.sources`.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Protocol

from orchestration.errors import SettingsError

MIN_YEAR, MAX_YEAR = 2020, 2100
_DATE_LENGTH = len("2026-08-07")
_USE_ISO_8601 = "use ISO 8601, such as 2026-08-07T00:00:00Z"


class Clock(Protocol):
    """The current time (UTC), and a way to wait."""

    def now(self) -> dt.datetime: ...
    def sleep(self, seconds: float) -> None: ...


class RealClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class VirtualClock:
    """A clock that moves only when it is set or when a caller sleeps, so that waiting takes no time."""

    def __init__(self, now: dt.datetime) -> None:
        self._now = now

    def now(self) -> dt.datetime:
        return self._now

    def set(self, now: dt.datetime) -> None:
        self._now = now

    def sleep(self, seconds: float) -> None:
        self._now += dt.timedelta(seconds=seconds)


def parse_timestamp(text: str) -> dt.datetime:
    """An ISO 8601 timestamp as UTC. Without an offset it is UTC; a date without a time is the end of that day.

    Raises SettingsError if the text is not a timestamp or its year is not from MIN_YEAR to MAX_YEAR.
    """
    try:
        timestamp = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is not a valid timestamp; {_USE_ISO_8601}") from None
    if len(text) == _DATE_LENGTH:
        timestamp = dt.datetime.combine(timestamp.date(), dt.time.max)
    if not MIN_YEAR <= timestamp.year <= MAX_YEAR:
        raise SettingsError(f"{text!r} is outside the years {MIN_YEAR} to {MAX_YEAR}; {_USE_ISO_8601}")
    return timestamp.astimezone(dt.UTC) if timestamp.tzinfo else timestamp.replace(tzinfo=dt.UTC)
