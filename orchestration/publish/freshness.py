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
    SELECT
        CASE surface WHEN 'rankings_export' THEN 'rankings' ELSE surface END AS surface,
        date,
        max(as_of) AS as_of,
        max_by(checked_at, as_of) AS checked_at
    FROM coverage
    WHERE (slice = 'all' OR starts_with(slice, 'source=')) AND is_complete
    GROUP BY ALL
"""
_AGES_BY_SURFACE = f"""
    WITH days AS ({_NEWEST_RESPONSES})
    SELECT
        surface,
        epoch($now - (max(date) + 1)) / 3600 AS newest_day_hours,
        epoch($now - max_by(as_of, date)) / 3600 AS as_of_hours,
        epoch($now - max_by(checked_at, date)) / 3600 AS checked_hours,
        least(28, max(date) - min(date) + 1) - count(*) FILTER (WHERE date > newest - 28) AS days_missing,
        count(*) FILTER (WHERE as_of < date + INTERVAL 4 DAY AND date > newest - 28) AS days_to_restate
    FROM (SELECT *, max(date) OVER (PARTITION BY surface) AS newest FROM days)
    GROUP BY surface
"""  # noqa: S608  # built from constants
# The 95th percentile of the age of prices, weighted by the tokens of the newest day: models with few tokens may have
# old prices.
_PRICE_AGE = """
    SELECT
        'models' AS surface,
        min(price_hours) FILTER (WHERE running_tokens >= 0.95 * all_tokens) AS price_hours
    FROM (
        SELECT
            price_age_hours AS price_hours,
            sum(tokens) OVER (ORDER BY price_age_hours, model_permaslug) AS running_tokens,
            sum(tokens) OVER () AS all_tokens
        FROM spend_model
        WHERE period = 'day' AND price_age_hours IS NOT NULL
            AND period_start = (SELECT max(period_start) FROM spend_model WHERE period = 'day')
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
