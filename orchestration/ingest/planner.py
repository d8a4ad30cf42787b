"""Plans the fewest requests for what the lake lacks, the most important first.

The plan is a pure function of the lake's coverage, the clock, and whether there is a key. A period of the rankings is
due if it was never observed after its end, if it is recent enough to be revised, or if its newest response is a week
old. Surfaces without history (prices, endpoints, tasks …) are due after some hours, or on the next day. `sources` makes
the requests.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from orchestration.ingest.coverage import Coverage, request_key, series_key
from orchestration.openrouter.parsers import EXPORT_DAYS
from orchestration.openrouter.surfaces import (
    APP_CATEGORIES,
    APPS,
    BENCHMARK_SOURCES,
    BENCHMARKS,
    CATEGORIES,
    CONTEXT_BUCKETS,
    ENDPOINTS,
    LANGUAGE_TYPES,
    MODALITIES,
    MODELS,
    PROVIDERS,
    RANKINGS,
    RANKINGS_EXPORT,
    SESSION_COST,
    TASKS,
    Surface,
)
from orchestration.periods import last_day, whole_periods

FIRST_DAY = dt.date(2025, 1, 1)
FIRST_SNAPSHOT = dt.date(2026, 9, 19)
MAX_WINDOW_DAYS = 366
# The API revises a day for up to three days, and makes small corrections later.
REVISED_DAYS = 7
SETTLED_AFTER_DAYS = 4
MAX_AGE_DAYS = 7
# Less than the time between two runs that fetch prices, so that a run that starts a little early still fetches them.
MIN_PRICE_AGE_HOURS = 5

_ONE_DAY = dt.timedelta(days=1)


class Importance(IntEnum):
    """The order of requests: a lower number is fetched first."""

    NEWEST_DAYS = 0
    CURRENT_ONLY = 1  # lost if it is not fetched now
    HISTORY = 2
    SLICES = 3
    NEWEST_APPS = 4
    APPS_HISTORY = 5


@dataclass(frozen=True)
class Request:
    """One response to fetch; `requests` is the number of HTTP requests that it is expected to take."""

    surface: Surface
    params: Mapping[str, str]
    importance: Importance
    requests: int = 1

    @property
    def quota(self) -> int:
        """HTTP requests that count against the key's quota."""
        return self.requests if self.surface.needs_key else 0


@dataclass(frozen=True)
class Plan:
    """Requests in the order in which they are made."""

    requests: tuple[Request, ...] = ()

    def for_surface(self, surface: Surface) -> Plan:
        return Plan(tuple(request for request in self.requests if request.surface is surface))

    def by_surface(self) -> dict[str, int]:
        """HTTP requests by surface name, without surfaces that have none."""
        counts: Counter[str] = Counter()
        for request in self.requests:
            counts[request.surface.name] += request.requests
        return dict(counts)

    @property
    def quota(self) -> int:
        """HTTP requests that count against the key's quota."""
        return sum(request.quota for request in self.requests)

    def minutes(self, requests_a_minute: int) -> int:
        """Minutes of waiting under the quota: `requests_a_minute` go at once, and each further batch waits a minute."""
        return max(-(-self.quota // requests_a_minute) - 1, 0)

    def within(self, quota: int) -> tuple[Plan, Plan]:
        """The requests that the quota allows, most important first, and those that are deferred."""
        now: list[Request] = []
        deferred: list[Request] = []
        for request in self.requests:
            if request.quota > quota:
                quota = 0  # a less important request must not overtake this one
                deferred.append(request)
            else:
                quota -= request.quota
                now.append(request)
        return Plan(tuple(now)), Plan(tuple(deferred))


def windows(period: str, starts: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """The fewest windows of at most MAX_WINDOW_DAYS that cover the periods with these starts, newest first."""
    found: list[tuple[dt.date, dt.date]] = []
    for start in sorted(set(starts), reverse=True):
        if found and (found[-1][1] - start).days < MAX_WINDOW_DAYS:
            found[-1] = (start, found[-1][1])
        else:
            found.append((start, last_day(period, start)))
    return found


def _due_periods(
    period: str,
    observed: Mapping[dt.date, dt.datetime],
    now: dt.datetime,
    refetch_weekly: bool,
    refetch_all: bool,
    first: dt.date,
) -> list[dt.date]:
    yesterday = now.date() - _ONE_DAY
    revised_from = now.date() - REVISED_DAYS * _ONE_DAY
    due = []
    for start in whole_periods(period, first, yesterday):
        as_of = observed.get(start)
        is_recent = period == "day" and start >= revised_from
        if (
            as_of is None
            or refetch_all
            or (is_recent and as_of.date() < now.date())
            or (refetch_weekly and now - as_of >= dt.timedelta(days=MAX_AGE_DAYS))
        ):
            due.append(start)
    return due


def _rankings(
    coverage: Coverage,
    now: dt.datetime,
    *,
    with_slices: bool = True,
    refetch_weekly: bool = True,
    refetch_all: bool = False,
    since: dt.date = FIRST_DAY,
) -> Iterable[Request]:
    yesterday = now.date() - _ONE_DAY
    series = [{"period": period} for period in ("day", "week", "month")]
    if with_slices:
        series += [{"period": "day", "modality": modality} for modality in MODALITIES]
        series += [{"period": "day", "context_bucket": bucket} for bucket in CONTEXT_BUCKETS]
        series += [{"period": "week", "category": category} for category in CATEGORIES]
        series += [{"period": "week", "language_type": language_type} for language_type in LANGUAGE_TYPES]
    for params in series:
        period = params["period"]
        observed = coverage.periods.get(series_key(params), {})
        due = _due_periods(period, observed, now, refetch_weekly, refetch_all, since)
        for start, end in windows(period, due):
            importance = Importance.SLICES if len(params) > 1 else Importance.HISTORY
            if params == {"period": "day"} and end == yesterday:
                importance = Importance.NEWEST_DAYS
            yield Request(RANKINGS, {**params, "start_date": f"{start}", "end_date": f"{end}"}, importance)


def _exports(
    coverage: Coverage, newest: dt.date | None, refetch_all: bool, absent: frozenset[dt.date]
) -> Iterable[Request]:
    """The fewest snapshots that together contain every day since the first snapshot's, or every snapshot."""
    if newest is None or newest < FIRST_SNAPSHOT:
        return
    if refetch_all:
        due = {FIRST_SNAPSHOT + number * _ONE_DAY for number in range((newest - FIRST_SNAPSHOT).days + 1)}
    else:
        due = _fewest_snapshots(coverage, newest, absent) | {newest}
    for snapshot in sorted(due - absent - coverage.snapshots.keys(), reverse=True):
        importance = Importance.CURRENT_ONLY if snapshot == newest else Importance.HISTORY
        # A manifest and the file that it names.
        yield Request(RANKINGS_EXPORT, {"snapshot_date": f"{snapshot}"}, importance, requests=2)


def _fewest_snapshots(coverage: Coverage, newest: dt.date, absent: frozenset[dt.date]) -> set[dt.date]:
    """Snapshots for the days that the lake lacks; a day is left out if every snapshot that contains it is absent."""
    covered = {snapshot - number * _ONE_DAY for snapshot in coverage.snapshots for number in range(1, EXPORT_DAYS + 1)}
    found: set[dt.date] = set()
    date = FIRST_SNAPSHOT - EXPORT_DAYS * _ONE_DAY
    while date < newest:
        # The latest snapshot that contains the day also contains most days after it.
        latest_first = (min(date + number * _ONE_DAY, newest) for number in range(EXPORT_DAYS, 0, -1))
        available = (snapshot for snapshot in latest_first if snapshot >= FIRST_SNAPSHOT and snapshot not in absent)
        snapshot = None if date in covered else next(available, None)
        if snapshot is not None:
            found.add(snapshot)
        date = snapshot or date + _ONE_DAY
    return found


def _current_only(coverage: Coverage, now: dt.datetime, has_key: bool) -> Iterable[Request]:
    """Surfaces whose past cannot be fetched."""
    candidates: list[tuple[Surface, dict[str, str], int]] = [
        (MODELS, {"output_modalities": "all"}, 1),
        (ENDPOINTS, {}, coverage.models or 1),
        (PROVIDERS, {}, 1),
        (TASKS, {"window": "7d"}, 1),
        (SESSION_COST, {}, 1),
        *((BENCHMARKS, {"source": source}, 1) for source in BENCHMARK_SOURCES),
    ]
    last_models = coverage.last_fetched.get(request_key(MODELS, {"output_modalities": "all"}))
    for surface, params, requests in candidates:
        last = coverage.last_fetched.get(request_key(surface, params))
        if last is None:
            is_due = True
        elif surface is ENDPOINTS and last_models and last < last_models:
            is_due = True  # the list of models had failed, so the models that are new in it lack endpoints
        elif surface in (MODELS, ENDPOINTS):
            is_due = now - last >= dt.timedelta(hours=MIN_PRICE_AGE_HOURS)
        else:
            is_due = last.date() < now.date()
        if is_due and (has_key or not surface.needs_key):
            yield Request(surface, params, Importance.CURRENT_ONLY, requests)


def _apps(
    coverage: Coverage, now: dt.datetime, *, since: dt.date = FIRST_DAY, days_since: dt.date = FIRST_DAY
) -> Iterable[Request]:
    """One request per window, because no other window contains its figures; repeated once the window is settled."""
    series: list[tuple[str, dict[str, str]]] = [("day", {}), ("week", {}), ("month", {})]
    series += [("month", {"category": category}) for category in APP_CATEGORIES]
    yesterday = now.date() - _ONE_DAY
    for period, params in series:
        starts = whole_periods(period, max(days_since, since) if period == "day" else since, yesterday)
        for start in starts:
            end = last_day(period, start)
            window = {**params, "sort": "popular", "start_date": f"{start}", "end_date": f"{end}"}
            settled = end + SETTLED_AFTER_DAYS * _ONE_DAY
            last = coverage.last_fetched.get(request_key(APPS, window))
            if last is None or (last.date() < settled <= now.date()):
                importance = Importance.NEWEST_APPS if start == starts[-1] else Importance.APPS_HISTORY
                # A page has 100 of at most 200 apps; a category seldom has more than one page.
                yield Request(APPS, window, importance, requests=1 if params else 2)


def plan(
    coverage: Coverage,
    now: dt.datetime,
    *,
    has_key: bool,
    newest_snapshot: dt.date | None = None,
    refetch_all: bool = False,
    absent_snapshots: frozenset[dt.date] = frozenset(),
    with_slices: bool = True,
    refetch_weekly: bool = True,
    since: dt.date = FIRST_DAY,
    apps_since: dt.date = FIRST_DAY,
) -> Plan:
    """Everything that is due at `now` (UTC), most important first.

    `newest_snapshot` is the newest snapshot of the keyless export. `refetch_all` fetches all days of the rankings,
    however recent their newest response, and every snapshot that is not known to be absent. Without `with_slices`,
    rankings are fetched as totals only; without `refetch_weekly`, a period whose newest response is a week old is not
    refetched. Nothing before `since` is fetched, and no day of apps before `apps_since`.
    """
    since, apps_since = max(since, FIRST_DAY), max(apps_since, FIRST_DAY)
    requests = [
        *_current_only(coverage, now, has_key),
        *_exports(coverage, newest_snapshot, refetch_all, absent_snapshots),
    ]
    if has_key:
        options = {"with_slices": with_slices, "refetch_weekly": refetch_weekly, "refetch_all": refetch_all}
        requests += _rankings(coverage, now, since=since, **options)
        requests += _apps(coverage, now, since=since, days_since=apps_since)
    return Plan(tuple(sorted(requests, key=_priority)))


def backfill(first: dt.date, last: dt.date, today: dt.date) -> Plan:
    """Every series of rankings and apps for the days from `first` to `last`, whether or not the lake covers them.

    Raises ValueError if the window is empty, or if one of its days is not over.
    """
    if not FIRST_DAY <= first <= last < today:
        raise ValueError(f"{first} to {last} is not a window of days from {FIRST_DAY} to the day before {today}")
    nothing, now = Coverage(), dt.datetime.combine(last + _ONE_DAY, dt.time(), dt.UTC)
    requests = [*_rankings(nothing, now, since=first), *_apps(nothing, now, since=first, days_since=first)]
    return Plan(tuple(sorted(requests, key=_priority)))


def _priority(request: Request) -> tuple[Any, ...]:
    end = dt.date.fromisoformat(request.params.get("end_date", "9999-12-31"))
    # Apps are fetched newest first; sorting is stable, so other requests keep their order.
    return request.importance, -end.toordinal() if request.surface is APPS else 0
