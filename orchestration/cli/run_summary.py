"""The lines that a run prints before and after its progress: the plan, and the result on one screen.

The result is read from the published file; every figure in it is in the marts.
"""

from __future__ import annotations

import shlex

import duckdb

from orchestration.errors import ResponseError, SourceError
from orchestration.formatting import date_in_words, timestamp_in_words, usd_price
from orchestration.ingest.planner import Plan
from orchestration.ingest.sources import FetchOptions, Live, Source
from orchestration.openrouter.quota import REQUESTS_PER_DAY, REQUESTS_PER_MINUTE
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.storage.releases import FILE_NAME

_MAX_LEADERS = 5

SPAN_SQL = """
select
    min(period_start), max(period_start), count(distinct period_start), max(as_of), bool_or(scope_id = 'simulated')
from share_model
where period = 'day'
"""
LEADERS_SQL = """
select rank, model_permaslug, share, prompt_usd_per_mtok, completion_usd_per_mtok
from share_model
join spend_model using (period, period_start, model_permaslug)
where period = 'day' and period_start = (select max(period_start) from share_model where period = 'day')
order by rank limit ?
"""
# The leading model if the newest day has such a claim, otherwise another claim of that day.
CLAIM_SQL = """
select statement, citation from claim
where period = 'day' order by period_start desc, kind = 'leading_model' desc, kind limit 1
"""
SUSPECT_SQL = """
select max(suspect_reason) from coverage
where surface in ('rankings', 'rankings_export') and slice = 'all' and date = ? and is_suspect
"""
EXAMPLE_SQL = (
    "select period, period_start, rank, author, share from share_author "
    "order by period_start desc, period, rank limit 10"
)


def plan_lines(source: Source, options: FetchOptions) -> list[str]:
    """The requests that a live source makes now, by surface; how long the quota makes them wait; what is deferred."""
    if not isinstance(source, Live) or not source.is_rate_limited:
        return []
    try:
        newest = source.newest_snapshot()
    except (SourceError, ResponseError):
        newest = None  # the fetch of the export reports it
    now, later = source.plan(options, newest)
    lines = [f"Plan: {_listed(now)}."]
    if source.coverage().models is None:
        lines.append(
            "After the list of models: endpoints, one request per listed model (several hundred), 4 at a time."
        )
    if now.quota:
        minutes = now.minutes(REQUESTS_PER_MINUTE)
        wait = f"about {minutes} min of waiting" if minutes else "no waiting"
        lines.append(
            f"{now.quota} of them count against the key's quota of {REQUESTS_PER_MINUTE} a minute and "
            f"{REQUESTS_PER_DAY} a day: {wait}."
        )
    if later.requests:
        lines.append(f"Deferred to the next days' quota: {_listed(later)}.")
    return lines


def _listed(plan: Plan) -> str:
    by_surface = plan.by_surface()
    if not by_surface:
        return "nothing is due"
    listed = ", ".join(f"{name} {count}" for name, count in by_surface.items())
    return f"{sum(by_surface.values())} requests ({listed})"


def result_lines(settings: Settings) -> list[str]:
    """Source, days, newest as-of, leading models with share and prices, a claim, and commands to continue with."""
    published = settings.data / "published" / FILE_NAME
    with duckdb.connect(str(published), read_only=True) as marts:
        [(first, last, days, as_of, is_simulated)] = marts.execute(SPAN_SQL).fetchall()
        claims = marts.execute(CLAIM_SQL).fetchall()
        [(suspect_reason,)] = marts.execute(SUSPECT_SQL, [last]).fetchall()
        leaders = marts.execute(LEADERS_SQL, [_MAX_LEADERS]).fetchall()
    simulated = "SIMULATED, no figure is real. " if is_simulated else ""
    width = max(len(slug) for _, slug, *_ in leaders)
    span = f"{days} of {(last - first).days + 1} days from {date_in_words(first)} to {date_in_words(last)}"
    # Commands that read find the newest release in the project's folder; any other data folder must be named.
    data = "" if settings.data.is_relative_to(PROJECT_DIR) else f" --data {shlex.quote(str(settings.data))}"
    return [
        f"\n{simulated}Source {settings.source}: {span}, newest as of {timestamp_in_words(as_of)}.",
        f"\n  {f'{date_in_words(last)}, price per million tokens':{width + 3}}   share     input    output",
        *(
            f"  {rank}  {slug:{width}}  {100 * share:5.1f}%  {usd_price(prompt, '–'):>8}  "
            f"{usd_price(completion, '–'):>8}"
            for rank, slug, share, prompt, completion in leaders
        ),
        *([f"\n  {date_in_words(last)} looks incomplete ({suspect_reason}); see coverage."] if suspect_reason else []),
        *(f"\nClaim:    {statement} {citation}" for statement, citation in claims),
        f"Query:    .venv/bin/routerscope query{data} '{EXAMPLE_SQL}'",
        f"Check:    .venv/bin/routerscope status{data}, cite, trace (see --help)",
        f"Report:   {published.with_name('report') / 'index.html'}",
        "Lineage:  make ui, then http://127.0.0.1:3000/asset-groups",
        f"\nPublished {published}",
    ]
