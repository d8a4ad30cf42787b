"""The summary of a release that a run prints after it has published: its days, leading models and a claim.

Every figure in it is in the marts. The wording belongs to the command line.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import QueryError
from orchestration.openrouter.essential import ESSENTIAL
from orchestration.openrouter.surfaces import RANKINGS

_MAX_LEADERS = 5
_DAYS = """
select
    min(period_start), max(period_start), count(distinct period_start), max(as_of), bool_or(scope_id = 'simulated')
from share_model
where period = 'day'
"""
_LEADERS = """
select rank, model_permaslug, share, prompt_usd_per_mtok, completion_usd_per_mtok
from share_model
join spend_model using (period, period_start, model_permaslug)
where period = 'day' and period_start = ?
order by rank limit ?
"""
# The leading model if the newest day has such a claim, otherwise another claim of that day.
_CLAIM = """
select statement || ' ' || citation from claim
where period = 'day' order by period_start desc, kind = 'leading_model' desc, kind limit 1
"""
_SUSPECT = """
select max(suspect_reason) from coverage
where list_contains(?, surface) and slice = 'all' and date = ? and is_suspect
"""


@dataclass(frozen=True)
class Leader:
    """One of the leading models of a day, with its share of tokens and its listed prices."""

    rank: int
    model_permaslug: str
    share: float
    prompt_usd_per_mtok: float | None
    completion_usd_per_mtok: float | None


@dataclass(frozen=True)
class ReleaseSummary:
    """Number of observed days, first and last of them, newest `as_of`; leaders of the last day; a claim as cited.

    `suspect_reason` says why the last day looks incomplete; None if it does not.
    """

    first_day: dt.date
    last_day: dt.date
    days: int
    as_of: dt.datetime
    is_simulated: bool
    leaders: list[Leader]
    claim: str | None
    suspect_reason: str | None


def summary_of(file: Path) -> ReleaseSummary:
    """The summary of a release, from its DuckDB file. Raises QueryError if it cannot be read."""
    try:
        return _summary(file)
    except duckdb.Error as error:
        raise QueryError(
            f"{file}, the published release, cannot be read ({error}). Nothing was changed. Publish a new one: make "
            "run ARGS=--rebuild"
        ) from error


def _summary(file: Path) -> ReleaseSummary:
    rankings = [surface.name for surface in ESSENTIAL[RANKINGS.name]]
    with duckdb.connect(str(file), read_only=True) as marts:
        [(first, last, days, as_of, is_simulated)] = marts.execute(_DAYS).fetchall()
        leaders = marts.execute(_LEADERS, [last, _MAX_LEADERS]).fetchall()
        claim = marts.execute(_CLAIM).fetchone()
        [(suspect_reason,)] = marts.execute(_SUSPECT, [rankings, last]).fetchall()
    return ReleaseSummary(
        first_day=first,
        last_day=last,
        days=days,
        as_of=as_of,
        is_simulated=is_simulated,
        leaders=[Leader(*row) for row in leaders],
        claim=claim[0] if claim else None,
        suspect_reason=suspect_reason,
    )
