"""What a person reads before and after a run: the plan, and the result in a screenful.

Reads the published file only; computes nothing that the marts do not say.
"""

from __future__ import annotations

import shlex

import duckdb

from orchestration.errors import ResponseError, SourceError
from orchestration.ingest.planner import Plan
from orchestration.ingest.sources import FetchOptions, Live, Source
from orchestration.openrouter.quota import REQUESTS_PER_DAY, REQUESTS_PER_MINUTE
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.storage.releases import FILE_NAME

_LEADERS = 5

LEADERS_SQL = """
select rank, model_permaslug, share, prompt_usd_per_mtok, completion_usd_per_mtok
from share_model
join spend_model using (period, period_start, model_permaslug)
where period = 'day' and period_start = (select max(period_start) from share_model where period = 'day')
order by rank limit ?
"""
# Where nobody leads beyond doubt, there is another sentence for the day; where rows are missing, that of a day before.
CLAIM_SQL = """
select statement, citation from claim
where period = 'day' order by period_start desc, kind = 'leading_model' desc, kind limit 1
"""
SUSPECT_SQL = """
select max(suspect_reason) from coverage
where surface in ('rankings', 'rankings_export') and slice = 'all' and date = ? and is_suspect
"""
QUERY = (
    "select period, period_start, rank, author, share from share_author "
    "order by period_start desc, period, rank limit 10"
)


def plan_lines(source: Source, options: FetchOptions) -> list[str]:
    """How many requests a live source is asked, of what, and how long that takes under its quota."""
    if not isinstance(source, Live) or not source.is_rate_limited:
        return []
    try:
        newest = source.newest_snapshot()
    except (SourceError, ResponseError):
        newest = None  # what is wrong with it is said when it is asked for
    now, later = source.plan(options, newest)
    lines = [f"Plan: {_listed(now)}."]
    if source.coverage().models is None:
        lines.append("The endpoints are one request for each model that is listed then, some hundreds, four at a time.")
    if now.quota:
        minutes = now.minutes(REQUESTS_PER_MINUTE)
        wait = f"about {minutes} min of waiting" if minutes else "no waiting"
        lines.append(
            f"{now.quota} of them count against the key's quota of {REQUESTS_PER_MINUTE} a minute and "
            f"{REQUESTS_PER_DAY} a day: {wait}."
        )
    if later.requests:
        lines.append(f"Left for the next days, when there is quota again: {_listed(later)}.")
    return lines


def _listed(plan: Plan) -> str:
    by_surface = plan.by_surface()
    if not by_surface:
        return "nothing is due"
    listed = ", ".join(f"{name} {count}" for name, count in by_surface.items())
    return f"{sum(by_surface.values())} requests ({listed})"


def result_lines(settings: Settings) -> list[str]:
    """Source, days, newest as_of, leaders with share and prices, a sentence to cite, a query, and the lineage."""
    published = settings.data / "published" / FILE_NAME
    with duckdb.connect(str(published), read_only=True) as marts:
        [(first, last, days, as_of, is_simulated)] = marts.execute(
            """
            select min(period_start), max(period_start), count(distinct period_start), max(as_of),
                   bool_or(scope_id = 'simulated')
            from share_model where period = 'day'
            """
        ).fetchall()
        claims = marts.execute(CLAIM_SQL).fetchall()
        [(suspect_reason,)] = marts.execute(SUSPECT_SQL, [last]).fetchall()
        leaders = marts.execute(LEADERS_SQL, [_LEADERS]).fetchall()
    mark = "SIMULATED, no figure is real. " if is_simulated else ""
    width = max(len(slug) for _, slug, *_ in leaders)
    span = f"{days} of {(last - first).days + 1} days from {first} to {last}"
    # Data of one's own place has to be named; below the project the newest is found.
    where = "" if settings.data.is_relative_to(PROJECT_DIR) else f" --data {shlex.quote(str(settings.data))}"
    return [
        f"\n{mark}Source {settings.source}: {span}, newest as of {as_of:%Y-%m-%d %H:%M:%S} UTC.",
        f"\n  {f'{last}, USD per million tokens':{width + 3}}    share    input   output",
        *(
            f"  {rank}  {slug:{width}}  {100 * share:5.1f} %  {_usd(prompt)}  {_usd(completion)}"
            for rank, slug, share, prompt, completion in leaders
        ),
        *([f"\n  {last} looks incomplete ({suspect_reason}); see coverage."] if suspect_reason else []),
        *(f"\nTo cite:  {statement} {citation}" for statement, citation in claims),
        f"To ask:   .venv/bin/routerscope query{where} '{QUERY}'",
        f"To check: .venv/bin/routerscope status{where}, cite, trace (--help says how)",
        f"To look:  {published.with_name('report') / 'index.html'}",
        "Lineage:  make ui, then http://127.0.0.1:3000/asset-groups",
        f"\nPublished {published}",
    ]


def _usd(price: float | None) -> str:
    return f"{price:7.3f}" if price is not None else "      –"
