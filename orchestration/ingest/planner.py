"""What the lake lacks, as the fewest requests, those that matter most first.

Values in, values out: what is held, a clock, whether there is a key → a plan. A period is due where it was never
observed complete, where it is young enough to be restated, or where its last observation is a week old. What has no
past (prices, endpoints, tasks …) is due again after some hours. How a request is made does not belong here.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

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

FIRST_DAY = dt.date(2025, 1, 1)
FIRST_SNAPSHOT = dt.date(2026, 9, 19)
MAX_WINDOW_DAYS = 366
# Days are restated for up to three days, and small corrections come later.
RESTATED_DAYS = 7
SETTLED_AFTER_DAYS = 4
SWEEP_DAYS = 7
# Less than the hours between two runs that fetch them, so that none comes a minute too early.
PRICE_HOURS = 5

_ONE = dt.timedelta(days=1)


class Importance(IntEnum):
    """What is asked for first. A lower number matters more."""

    NEWEST_DAYS = 0
    NOW_ONLY = 1
    HISTORY = 2
    SLICES = 3
    NEWEST_APPS = 4
    APPS_HISTORY = 5


@dataclass(frozen=True)
class Request:
    """One question to a surface; `requests` is how many HTTP requests it is expected to take."""

    surface: Surface
    params: Mapping[str, str]
    importance: Importance
    requests: int = 1

    @property
    def quota(self) -> int:
        """Requests that count against the key's quota."""
        return self.requests if self.surface.needs_key else 0


@dataclass(frozen=True)
class Plan:
    """Requests in the order in which they are made."""

    requests: tuple[Request, ...] = ()

    def of(self, surface: Surface) -> Plan:
        return Plan(tuple(request for request in self.requests if request.surface is surface))

    def by_surface(self) -> dict[str, int]:
        """HTTP requests of each surface that has any."""
        found: Counter[str] = Counter()
        for request in self.requests:
            found[request.surface.name] += request.requests
        return dict(found)

    @property
    def quota(self) -> int:
        return sum(request.quota for request in self.requests)

    def minutes(self, requests_a_minute: int) -> int:
        """How long the quota makes it wait: a minute's worth goes at once, then each further one takes a minute."""
        return max(-(-self.quota // requests_a_minute) - 1, 0)

    def within(self, quota: int) -> tuple[Plan, Plan]:
        """What the quota is enough for, most important first, and what is left for later."""
        now: list[Request] = []
        later: list[Request] = []
        for request in self.requests:
            if request.quota > quota:
                quota = 0  # what matters less does not overtake
                later.append(request)
            else:
                quota -= request.quota
                now.append(request)
        return Plan(tuple(now)), Plan(tuple(later))


@dataclass
class Observed:
    """What has been observed: by series the newest look at each period, and when each question was last asked."""

    periods: dict[tuple[Any, ...], dict[dt.date, dt.datetime]] = field(default_factory=dict)
    asked: dict[tuple[Any, ...], dt.datetime] = field(default_factory=dict)
    snapshots: dict[dt.date, dt.datetime] = field(default_factory=dict)
    models: int | None = None

    def add(self, surface: Surface, params: Mapping[str, str], as_of: dt.datetime, fetched_at: dt.datetime) -> None:
        """Take note of one response."""
        question = key(surface, params)
        self.asked[question] = max(fetched_at, self.asked.get(question, fetched_at))
        if surface is RANKINGS_EXPORT:
            self.snapshots[dt.date.fromisoformat(params["snapshot_date"])] = as_of
        elif surface is RANKINGS:
            series = _series_key(params)
            seen = self.periods.setdefault(series, {})
            window = (dt.date.fromisoformat(params[name]) for name in ("start_date", "end_date"))
            for start in _periods(params.get("period", "day"), *window):
                # Only a look at the whole period after its end counts.
                if _end(params.get("period", "day"), start) < as_of.date():
                    seen[start] = max(as_of, seen.get(start, as_of))


def observed(observations: Iterable[tuple[Surface, Mapping[str, Any]]]) -> Observed:
    """What a lake holds, from the metadata of its files."""
    found = Observed()
    newest: dt.datetime | None = None
    for surface, told in observations:
        as_of, fetched_at = (dt.datetime.fromisoformat(told[name]) for name in ("as_of", "fetched_at"))
        found.add(surface, told["request"], as_of, fetched_at)
        if surface is MODELS and (newest is None or as_of > newest):
            newest, found.models = as_of, int(told["rows"])
    return found


def key(surface: Surface, params: Mapping[str, str]) -> tuple[Any, ...]:
    """What makes two requests the same question."""
    ignored = ("start_date", "end_date") if surface is RANKINGS_EXPORT else ("limit",)
    return (surface.name, *sorted((name, value) for name, value in params.items() if name not in ignored))


def _series_key(params: Mapping[str, str]) -> tuple[Any, ...]:
    kept = {name: value for name, value in params.items() if name not in ("start_date", "end_date")}
    return tuple(sorted(({"period": "day"} | kept).items()))


def _next(period: str, start: dt.date) -> dt.date:
    if period == "month":
        return (start.replace(day=28) + 4 * _ONE).replace(day=1)
    return start + (7 * _ONE if period == "week" else _ONE)


def _end(period: str, start: dt.date) -> dt.date:
    return _next(period, start) - _ONE


def _periods(period: str, first: dt.date, last: dt.date) -> list[dt.date]:
    """Starts of the whole periods (day, ISO week, calendar month) from one day to another, both included."""
    if period == "week":
        start = first + dt.timedelta(days=-first.weekday() % 7)
    elif period == "month":
        start = first if first.day == 1 else _next(period, first.replace(day=1))
    else:
        start = first
    found = []
    while _end(period, start) <= last:
        found.append(start)
        start = _next(period, start)
    return found


def windows(period: str, due: Iterable[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """The fewest windows of at most 366 days that cover the periods that begin on the given days, newest first."""
    found: list[tuple[dt.date, dt.date]] = []
    for start in sorted(set(due), reverse=True):
        if found and (found[-1][1] - start).days < MAX_WINDOW_DAYS:
            found[-1] = (start, found[-1][1])
        else:
            found.append((start, _end(period, start)))
    return found


def _due_periods(
    period: str, seen: Mapping[dt.date, dt.datetime], now: dt.datetime, sweep: bool, refetch: bool, first: dt.date
) -> list[dt.date]:
    yesterday = now.date() - _ONE
    restated_from = now.date() - RESTATED_DAYS * _ONE
    due = []
    for start in _periods(period, first, yesterday):
        last = seen.get(start)
        is_young = period == "day" and start >= restated_from
        if (
            last is None
            or refetch
            or (is_young and last.date() < now.date())
            or (sweep and now - last >= dt.timedelta(days=SWEEP_DAYS))
        ):
            due.append(start)
    return due


def _rankings(
    found: Observed, now: dt.datetime, slices: bool, sweep: bool, first: dt.date = FIRST_DAY, refetch: bool = False
) -> Iterable[Request]:
    yesterday = now.date() - _ONE
    series = [{"period": period} for period in ("day", "week", "month")]
    if slices:
        series += [{"period": "day", "modality": one} for one in MODALITIES]
        series += [{"period": "day", "context_bucket": one} for one in CONTEXT_BUCKETS]
        series += [{"period": "week", "category": one} for one in CATEGORIES]
        series += [{"period": "week", "language_type": one} for one in LANGUAGE_TYPES]
    for params in series:
        period = params["period"]
        due = _due_periods(period, found.periods.get(_series_key(params), {}), now, sweep, refetch, first)
        for start, end in windows(period, due):
            importance = Importance.SLICES if len(params) > 1 else Importance.HISTORY
            if params == {"period": "day"} and end == yesterday:
                importance = Importance.NEWEST_DAYS
            yield Request(RANKINGS, {**params, "start_date": f"{start}", "end_date": f"{end}"}, importance)


def _exports(found: Observed, newest: dt.date | None, every: bool, absent: frozenset[dt.date]) -> Iterable[Request]:
    """The fewest snapshots that tell of every day since the first one's, or every one there is."""
    if newest is None or newest < FIRST_SNAPSHOT:
        return
    wanted: set[dt.date] = set()
    if every:
        wanted = {FIRST_SNAPSHOT + number * _ONE for number in range((newest - FIRST_SNAPSHOT).days + 1)}
    else:
        told = {snapshot - number * _ONE for snapshot in found.snapshots for number in range(1, EXPORT_DAYS + 1)}
        date = FIRST_SNAPSHOT - EXPORT_DAYS * _ONE
        while date < newest:
            # The latest snapshot that still tells of the day tells of most days after it.
            telling = (min(date + number * _ONE, newest) for number in range(EXPORT_DAYS, 0, -1))
            there = (one for one in telling if one >= FIRST_SNAPSHOT and one not in absent)
            snapshot = None if date in told else next(there, None)
            if snapshot is not None:
                wanted.add(snapshot)
            date = snapshot or date + _ONE
        wanted.add(newest)
    for snapshot in sorted(wanted - absent - found.snapshots.keys(), reverse=True):
        importance = Importance.NOW_ONLY if snapshot == newest else Importance.HISTORY
        # A manifest and the file it names.
        yield Request(RANKINGS_EXPORT, {"snapshot_date": f"{snapshot}"}, importance, requests=2)


def _now_only(found: Observed, now: dt.datetime, has_key: bool) -> Iterable[Request]:
    hours = dt.timedelta(hours=PRICE_HOURS)
    questions: list[tuple[Surface, dict[str, str], int]] = [
        (MODELS, {"output_modalities": "all"}, 1),
        (ENDPOINTS, {}, found.models or 1),
        (PROVIDERS, {}, 1),
        (TASKS, {"window": "7d"}, 1),
        (SESSION_COST, {}, 1),
        *((BENCHMARKS, {"source": source}, 1) for source in BENCHMARK_SOURCES),
    ]
    for surface, params, requests in questions:
        last = found.asked.get(key(surface, params))
        is_price = surface in (MODELS, ENDPOINTS)
        is_due = last is None or (now - last >= hours if is_price else last.date() < now.date())
        if is_due and (has_key or not surface.needs_key):
            yield Request(surface, params, Importance.NOW_ONLY, requests)


def _apps(found: Observed, now: dt.datetime, days_since: dt.date, since: dt.date = FIRST_DAY) -> Iterable[Request]:
    """Each window on its own: a figure of a day is in no other window. Newest first; looked at again once settled."""
    series: list[tuple[str, dict[str, str]]] = [("day", {}), ("week", {}), ("month", {})]
    series += [("month", {"category": category}) for category in APP_CATEGORIES]
    yesterday = now.date() - _ONE
    for period, params in series:
        starts = _periods(period, max(days_since, since) if period == "day" else since, yesterday)
        for start in starts:
            end = _end(period, start)
            asked = {**params, "sort": "popular", "start_date": f"{start}", "end_date": f"{end}"}
            settled = end + SETTLED_AFTER_DAYS * _ONE
            last = found.asked.get(key(APPS, asked))
            if last is None or (last.date() < settled <= now.date()):
                importance = Importance.NEWEST_APPS if start == starts[-1] else Importance.APPS_HISTORY
                # A page holds 100 of at most 200 apps; a category has seldom more than one.
                yield Request(APPS, asked, importance, requests=1 if params else 2)


def plan(
    found: Observed,
    now: dt.datetime,
    *,
    has_key: bool,
    newest_snapshot: dt.date | None = None,
    refetch: bool = False,
    absent_snapshots: frozenset[dt.date] = frozenset(),
    slices: bool = True,
    sweep: bool = True,
    since: dt.date = FIRST_DAY,
    apps_since: dt.date = FIRST_DAY,
) -> Plan:
    """All that is missing or due at `now` (UTC), most important first.

    `newest_snapshot` is the newest one of the keyless export. `refetch` asks for all days of the rankings, whenever
    they were last looked at, and for every snapshot that is not known to be absent. Without `slices` rankings are asked for
    as a whole only, without `sweep` nothing is asked for again after a week. Nothing is asked for that lies before
    `since`, and no day of apps before `apps_since`.
    """
    since, apps_since = max(since, FIRST_DAY), max(apps_since, FIRST_DAY)
    requests = [*_now_only(found, now, has_key), *_exports(found, newest_snapshot, refetch, absent_snapshots)]
    if has_key:
        requests += [*_rankings(found, now, slices, sweep, since, refetch), *_apps(found, now, apps_since, since)]
    return Plan(tuple(sorted(requests, key=_order)))


def backfill(first: dt.date, last: dt.date, today: dt.date) -> Plan:
    """Every series of rankings and apps once more for the days from `first` to `last`, whatever is held.

    Raises ValueError if there are none, or if they are not over.
    """
    if not FIRST_DAY <= first <= last < today:
        raise ValueError(f"{first} to {last} is no window of days from {FIRST_DAY} to the day before {today}")
    nothing, now = Observed(), dt.datetime.combine(last + _ONE, dt.time(), dt.UTC)
    requests = [*_rankings(nothing, now, True, False, first), *_apps(nothing, now, first, first)]
    return Plan(tuple(sorted(requests, key=_order)))


def _order(request: Request) -> tuple[Any, ...]:
    newest = dt.date.fromisoformat(request.params.get("end_date", "9999-12-31"))
    return request.importance, -newest.toordinal() if request.surface is APPS else 0
