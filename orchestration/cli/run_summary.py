"""The lines that a run prints before and after its progress: the plan, and the result on one screen.

`access.summary` reads the figures of the result.
"""

from __future__ import annotations

import shlex

from orchestration.access.summary import summary_of
from orchestration.errors import ResponseError, SourceError
from orchestration.folders import PROJECT_DIR
from orchestration.formatting import date_in_words, timestamp_in_words, usd_price
from orchestration.ingest.planner import Plan
from orchestration.ingest.sources import FetchOptions, Live, Source
from orchestration.openrouter.quota import REQUESTS_PER_DAY, REQUESTS_PER_MINUTE
from orchestration.settings import Settings
from orchestration.storage.releases import FILE_NAME

_EXAMPLE_SQL = (
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
    found = summary_of(published)
    simulated = "SIMULATED, no figure is real. " if found.is_simulated else ""
    width = max(len(leader.model_permaslug) for leader in found.leaders)
    first, last = date_in_words(found.first_day), date_in_words(found.last_day)
    days = f"{found.days} of {(found.last_day - found.first_day).days + 1} days from {first} to {last}"
    # Commands that read find the newest release in the project's folder; any other data folder must be named.
    data = "" if settings.data.is_relative_to(PROJECT_DIR) else f" --data {shlex.quote(str(settings.data))}"
    return [
        f"\n{simulated}Source {settings.source}: {days}, newest as of {timestamp_in_words(found.as_of)}.",
        f"\n  {f'{last}, price per million tokens':{width + 3}}   share     input    output",
        *(
            f"  {leader.rank}  {leader.model_permaslug:{width}}  {100 * leader.share:5.1f}%  "
            f"{usd_price(leader.prompt_usd_per_mtok, '–'):>8}  {usd_price(leader.completion_usd_per_mtok, '–'):>8}"
            for leader in found.leaders
        ),
        *([f"\n  {last} looks incomplete ({found.suspect_reason}); see coverage."] if found.suspect_reason else []),
        *([f"\nClaim:    {found.claim}"] if found.claim else []),
        f"Query:    .venv/bin/routerscope query{data} '{_EXAMPLE_SQL}'",
        f"Check:    .venv/bin/routerscope status{data}, cite, trace (see --help)",
        f"Report:   {published.with_name('report') / 'index.html'}",
        "Lineage:  make ui, then http://127.0.0.1:3000/asset-groups",
        f"\nPublished {published}",
    ]
