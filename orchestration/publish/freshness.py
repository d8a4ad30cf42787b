"""The age of the published data: measures per surface, compared with the thresholds of the seed `freshness`.

Every measure is computed from the published tables, never from the runs: a run today that fetches old days does not
make the data fresher. The callers report the measures; nothing here blocks a release.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import duckdb

from orchestration.openrouter.essential import ESSENTIAL
from orchestration.publish.seeds import read_seed
from orchestration.storage.sql import rows_as_dicts

State = Literal["fresh", "stale", "too old"]

# Surface and day → its newest response. The rankings with and without an API key are one surface here: both return the
# same figures. Benchmarks have one slice per source instead of the slice `all`.
_NEWEST_RESPONSES = """
    select
        case surface when 'rankings_export' then 'rankings' else surface end as surface,
        date,
        max(as_of) as as_of,
        max_by(checked_at, as_of) as checked_at
    from coverage
    where (slice = 'all' or starts_with(slice, 'source=')) and is_complete
    group by all
"""
_AGES_BY_SURFACE = f"""
    with days as ({_NEWEST_RESPONSES})
    select
        surface,
        epoch($now - (max(date) + 1)) / 3600 as newest_day_hours,
        epoch($now - max_by(as_of, date)) / 3600 as as_of_hours,
        epoch($now - max_by(checked_at, date)) / 3600 as checked_hours,
        least(28, max(date) - min(date) + 1) - count(*) filter (where date > newest - 28) as days_missing,
        count(*) filter (where as_of < date + interval 4 day and date > newest - 28) as days_to_restate
    from (select *, max(date) over (partition by surface) as newest from days)
    group by surface
"""  # noqa: S608  # built from constants
# The 95th percentile of the age of prices, weighted by the tokens of the newest day: models with few tokens may have
# old prices.
_PRICE_AGE = """
    select
        'models' as surface,
        min(price_hours) filter (where running_tokens >= 0.95 * all_tokens) as price_hours
    from (
        select
            price_age_hours as price_hours,
            sum(tokens) over (order by price_age_hours, model_permaslug) as running_tokens,
            sum(tokens) over () as all_tokens
        from spend_model
        where period = 'day' and price_age_hours is not null
            and period_start = (select max(period_start) from spend_model where period = 'day')
    )
"""


@dataclass(frozen=True)
class Measure:
    """One measure of a surface, in `unit`; above `warn_above` it is stale, above `error_above` too old."""

    surface: str
    name: str
    value: float
    unit: str
    warn_above: float
    error_above: float
    note: str

    @property
    def state(self) -> State:
        return "too old" if self.value > self.error_above else "stale" if self.value > self.warn_above else "fresh"


def measures(connection: duckdb.DuckDBPyConnection, now: dt.datetime) -> list[Measure]:
    """Every measure with thresholds, of every surface that was ever observed, from the published tables."""
    clock = {"now": now.astimezone(dt.UTC).replace(tzinfo=None)}
    rows = rows_as_dicts(connection.execute(_AGES_BY_SURFACE, clock)) + rows_as_dicts(connection.execute(_PRICE_AGE))
    values = {
        (row["surface"], name): float(value)
        for row in rows
        for name, value in row.items()
        if name != "surface" and value is not None
    }
    return [
        Measure(surface, name, values[surface, name], row["unit"], *limits(surface, name), row["note"])
        for (surface, name), row in _thresholds().items()
        if (surface, name) in values
    ]


def worst_state(found: Sequence[Measure], expected: Collection[str]) -> State:
    """The worst state of these measures. An essential surface is too old if it is expected and has no measure."""
    states = {measure.state for measure in found}
    without_measure = set(expected) - {measure.surface for measure in found}
    if "too old" in states or ESSENTIAL.keys() & without_measure:
        return "too old"
    return "stale" if "stale" in states else "fresh"


def surfaces() -> list[str]:
    """The surfaces with thresholds, in the order of the seed."""
    return list(dict.fromkeys(surface for surface, _ in _thresholds()))


def limits(surface: str, measure: str) -> tuple[float, float]:
    """The values above which a measure is stale and too old. Surfaces without thresholds use those of the rankings."""
    rows = _thresholds()
    row = rows.get((surface, measure)) or rows["rankings", measure]
    return float(row["warn_above"]), float(row["error_above"])


@lru_cache(maxsize=1)
def _thresholds() -> dict[tuple[str, str], dict[str, str]]:
    """(Surface, measure) → the row of the seed."""
    return {(row["surface"], row["measure"]): row for row in read_seed("freshness")}
