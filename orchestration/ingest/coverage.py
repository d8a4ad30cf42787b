"""What the lake covers, from the metadata of its responses: the periods of the rankings, and each request's last fetch.

`planner` derives from it what is due.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestration.openrouter.surfaces import MODELS, RANKINGS, RANKINGS_EXPORT, Surface
from orchestration.periods import last_day, whole_periods


@dataclass
class Coverage:
    """What the lake covers.

    `periods`: by series of the rankings, the start of each observed period and its newest `as_of`.
    `last_fetched`: by request, when it was last fetched. `snapshots`: days of the keyless export, with their `as_of`.
    `models`: number of models in the newest list; None if there is no list.
    """

    periods: dict[tuple[Any, ...], dict[dt.date, dt.datetime]] = field(default_factory=dict)
    last_fetched: dict[tuple[Any, ...], dt.datetime] = field(default_factory=dict)
    snapshots: dict[dt.date, dt.datetime] = field(default_factory=dict)
    models: int | None = None

    def add(self, surface: Surface, params: Mapping[str, str], as_of: dt.datetime, fetched_at: dt.datetime) -> None:
        """Add one response."""
        key = request_key(surface, params)
        self.last_fetched[key] = max(fetched_at, self.last_fetched.get(key, fetched_at))
        if surface is RANKINGS_EXPORT:
            self.snapshots[dt.date.fromisoformat(params["snapshot_date"])] = as_of
        elif surface is RANKINGS:
            period = params.get("period", "day")
            observed = self.periods.setdefault(series_key(params), {})
            window = (dt.date.fromisoformat(params[name]) for name in ("start_date", "end_date"))
            for start in whole_periods(period, *window):
                # A period counts as observed only if a response was made after it ended.
                if last_day(period, start) < as_of.date():
                    observed[start] = max(as_of, observed.get(start, as_of))


def coverage_of(responses: Iterable[tuple[Surface, Mapping[str, Any]]]) -> Coverage:
    """Coverage by responses, each a surface and the lake's metadata of the response."""
    coverage = Coverage()
    newest: dt.datetime | None = None
    for surface, metadata in responses:
        as_of, fetched_at = (dt.datetime.fromisoformat(metadata[name]) for name in ("as_of", "fetched_at"))
        coverage.add(surface, metadata["request"], as_of, fetched_at)
        if surface is MODELS and (newest is None or as_of > newest):
            newest, coverage.models = as_of, int(metadata["rows"])
    return coverage


def request_key(surface: Surface, params: Mapping[str, str]) -> tuple[Any, ...]:
    """Equal for two requests for the same data."""
    ignored = ("start_date", "end_date") if surface is RANKINGS_EXPORT else ("limit",)
    return (surface.name, *sorted((name, value) for name, value in params.items() if name not in ignored))


def series_key(params: Mapping[str, str]) -> tuple[Any, ...]:
    """Equal for two requests for rankings that differ only in their days."""
    kept = {name: value for name, value in params.items() if name not in ("start_date", "end_date")}
    return tuple(sorted(({"period": "day"} | kept).items()))
