"""How old the figures are: what was published, held against a clock and the thresholds of the seed `freshness`.

The data is looked at, not the run: days that are fetched late, or fetched anew, make nothing fresh that is not. What is
done about it does not belong here.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import duckdb

from orchestration.openrouter.essential import ESSENTIAL as ESSENTIAL  # exported: an unknown age of these is too old
from orchestration.settings import PROJECT_DIR

State = Literal["fresh", "stale", "too old"]
_SEED = PROJECT_DIR / "seeds" / "freshness.csv"

# A day counts as told by whoever tells it: with and without a key are two ways to the same figures.
_TOLD = """
    SELECT
        CASE surface WHEN 'rankings_export' THEN 'rankings' ELSE surface END AS surface,
        date,
        max(as_of) AS as_of,
        max_by(checked_at, as_of) AS checked_at
    FROM coverage
    WHERE (slice = 'all' OR starts_with(slice, 'source=')) AND is_complete  -- benchmarks are told by source
    GROUP BY ALL
"""
_BY_SURFACE = f"""
    WITH told AS ({_TOLD})
    SELECT
        surface,
        epoch($now - (max(date) + 1)) / 3600 AS newest_day_hours,
        epoch($now - max_by(as_of, date)) / 3600 AS as_of_hours,
        epoch($now - max_by(checked_at, date)) / 3600 AS checked_hours,
        least(28, max(date) - min(date) + 1) - count(*) FILTER (WHERE date > newest - 28) AS days_missing,
        count(*) FILTER (WHERE as_of < date + INTERVAL 4 DAY AND date > newest - 28) AS days_to_restate
    FROM (SELECT *, max(date) OVER (PARTITION BY surface) AS newest FROM told)
    GROUP BY surface
"""  # noqa: S608  # our own words
# The age, on the clock, of the price of the youngest 95 in 100 priced tokens of the newest day.
_PRICES = """
    SELECT
        'models' AS surface,
        min(price_hours) FILTER (WHERE tokens_to_here >= 0.95 * all_tokens) AS price_hours
    FROM (
        SELECT
            price_age_hours AS price_hours,
            sum(tokens) OVER (ORDER BY price_age_hours, model_permaslug) AS tokens_to_here,
            sum(tokens) OVER () AS all_tokens
        FROM spend_model
        WHERE period = 'day' AND price_age_hours IS NOT NULL
            AND period_start = (SELECT max(period_start) FROM spend_model WHERE period = 'day')
    )
"""


@dataclass(frozen=True)
class Measure:
    """One measure of a surface: its value in its unit, and above what it is stale or too old."""

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
    """Every measure that has thresholds, of every surface that was ever observed, from the published tables."""
    found: dict[tuple[str, str], float] = {}
    for sql in (_BY_SURFACE, _PRICES):
        told = connection.execute(sql, {"now": now.astimezone(dt.UTC).replace(tzinfo=None)} if "$now" in sql else None)
        columns = [column[0] for column in told.description or []][1:]
        for surface, *values in told.fetchall():
            pairs = zip(columns, values, strict=True)
            found |= {(surface, name): float(value) for name, value in pairs if value is not None}
    return [
        Measure(surface, name, found[surface, name], row["unit"], *limits(surface, name), row["note"])
        for (surface, name), row in _thresholds().items()
        if (surface, name) in found
    ]


def surfaces() -> list[str]:
    """The surfaces that have thresholds."""
    return list(dict.fromkeys(surface for surface, _ in _thresholds()))


def limits(surface: str, measure: str) -> tuple[float, float]:
    """Above what a measure of a surface is stale, and too old; those of the rankings where it has none of its own."""
    rows = _thresholds()
    row = rows.get((surface, measure)) or rows["rankings", measure]
    return float(row["warn_above"]), float(row["error_above"])


@lru_cache(maxsize=1)
def _thresholds() -> dict[tuple[str, str], dict[str, str]]:
    with _SEED.open(encoding="utf-8", newline="") as file:
        return {(row["surface"], row["measure"]): row for row in csv.DictReader(file)}
