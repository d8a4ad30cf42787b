"""Calendar periods: the days, weeks (Monday to Sunday) and months that begin on a date.

Rolling windows do not belong here. How a sentence names a period is in `formatting`.
"""

from __future__ import annotations

import datetime as dt

_ONE_DAY = dt.timedelta(days=1)


def last_day(period: str, start: dt.date) -> dt.date:
    """Last day of the period (day, week or month) that begins on `start`."""
    return _next_start(period, start) - _ONE_DAY


def whole_periods(period: str, first: dt.date, last: dt.date) -> list[dt.date]:
    """Starts of the whole periods (day, ISO week, calendar month) from one day to another, both included."""
    if period == "week":
        start = first + dt.timedelta(days=-first.weekday() % 7)
    elif period == "month":
        start = first if first.day == 1 else _next_start(period, first.replace(day=1))
    else:
        start = first
    starts = []
    while last_day(period, start) <= last:
        starts.append(start)
        start = _next_start(period, start)
    return starts


def _next_start(period: str, start: dt.date) -> dt.date:
    if period == "month":
        return (start.replace(day=28) + 4 * _ONE_DAY).replace(day=1)
    return start + (7 * _ONE_DAY if period == "week" else _ONE_DAY)
