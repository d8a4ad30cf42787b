"""The planner fetches what is missing or due, in the fewest requests, the most important first."""

import datetime as dt
from collections import Counter
from itertools import pairwise

import pytest
from conftest import stated_requests
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest import planner
from orchestration.ingest.coverage import Coverage
from orchestration.ingest.planner import FIRST_DAY, MAX_WINDOW_DAYS, Importance, Plan, Request, plan
from orchestration.openrouter.surfaces import APPS, ENDPOINTS, MODELS, RANKINGS, RANKINGS_EXPORT, SURFACES, TASKS

ONE = dt.timedelta(days=1)
FIRST = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
SECOND = FIRST + ONE
QUOTA = 500


def window(request: Request) -> tuple[dt.date, dt.date]:
    return tuple(dt.date.fromisoformat(request.params[name]) for name in ("start_date", "end_date"))  # type: ignore[return-value]


def days(start: dt.date, end: dt.date) -> set[dt.date]:
    return {start + number * ONE for number in range((end - start).days + 1)}


def series(request: Request) -> tuple:
    return tuple(sorted((k, v) for k, v in request.params.items() if k not in ("start_date", "end_date")))


def fetch(coverage: Coverage, due: Plan, now: dt.datetime) -> None:
    for request in due.requests:
        coverage.add(request.surface, request.params, now, now)


def test_requests_of_two_days_match_the_documented_table() -> None:
    for has_key in (True, False):
        coverage = Coverage(models=600)
        for number, now in enumerate((FIRST, SECOND)):
            due, _ = plan(coverage, now, has_key=has_key, newest_snapshot=now.date()).within(QUOTA)
            requests = due.by_surface()
            requests["rankings_export"] += 1  # the index, which names the newest snapshot
            stated = stated_requests(number, has_key, models=600)
            assert {surface: requests.get(surface, 0) for surface in SURFACES} == stated
            assert due.quota == stated_requests(number, has_key, models=600, row="**quota used**")["**quota used**"]
            fetch(coverage, due, now)


def test_endpoints_of_an_older_list_of_models_are_due() -> None:
    coverage = Coverage(models=600)
    fetch(coverage, plan(coverage, FIRST, has_key=False), FIRST)
    hour = dt.timedelta(hours=1)
    coverage.add(MODELS, {"output_modalities": "all"}, FIRST + hour, FIRST + hour)
    due = plan(coverage, FIRST + 2 * hour, has_key=False)
    assert [request.surface for request in due.requests] == [ENDPOINTS]
    fetch(coverage, due, FIRST + 2 * hour)
    assert plan(coverage, FIRST + 3 * hour, has_key=False).requests == ()


def test_history_takes_two_windows_per_series() -> None:
    windows = Counter(
        series(request) for request in plan(Coverage(), FIRST, has_key=True).for_surface(RANKINGS).requests
    )
    assert len(windows) == 27
    assert set(windows.values()) == {2}


def test_only_prices_are_due_again_on_the_same_day() -> None:
    coverage = Coverage(models=600)
    fetch(coverage, plan(coverage, FIRST, has_key=True, newest_snapshot=FIRST.date()), FIRST)
    for hours, due in ((0, set()), (4, set()), (5, {MODELS.name, ENDPOINTS.name}), (21, {MODELS.name, ENDPOINTS.name})):
        later = FIRST + dt.timedelta(hours=hours)
        assert plan(coverage, later, has_key=True, newest_snapshot=FIRST.date()).by_surface().keys() == due


def test_all_days_are_fetched_again_after_a_week() -> None:
    coverage = Coverage()
    fetch(coverage, plan(coverage, FIRST, has_key=True), FIRST)
    for number in range(1, 8):
        now = FIRST + number * ONE
        due = plan(coverage, now, has_key=True).for_surface(RANKINGS)
        covered = set().union(*(days(*window(one)) for one in due.requests if series(one) == (("period", "day"),)))
        everything = days(FIRST_DAY, now.date() - ONE)
        assert covered == (everything if number == 7 else days(now.date() - 7 * ONE, now.date() - ONE))
        fetch(coverage, due, now)


def test_gap_in_the_lake_is_due() -> None:
    coverage = Coverage()
    fetch(coverage, plan(coverage, FIRST, has_key=True), FIRST)
    lost = {dt.date(2025, 3, 4), dt.date(2025, 3, 5), dt.date(2026, 9, 9)}
    for date in lost:
        del coverage.periods[(("period", "day"),)][date]
    due = [window(request) for request in plan(coverage, FIRST, has_key=True).for_surface(RANKINGS).requests]
    assert due == [(dt.date(2026, 9, 9), dt.date(2026, 9, 9)), (dt.date(2025, 3, 4), dt.date(2025, 3, 5))]


def test_day_observed_before_its_end_is_not_covered() -> None:
    coverage = Coverage()
    params = {"period": "day", "start_date": "2026-11-20", "end_date": "2026-11-22"}
    coverage.add(RANKINGS, params, FIRST, FIRST)
    assert max(coverage.periods[(("period", "day"),)]) == dt.date(2026, 11, 21)


def test_day_without_rows_is_covered() -> None:
    """A day that the source has lost is not fetched every day."""
    coverage = Coverage()
    coverage.add(RANKINGS, {"start_date": "2025-06-14", "end_date": "2025-06-16"}, FIRST, FIRST)
    assert dt.date(2025, 6, 15) in coverage.periods[(("period", "day"),)]


def test_unsettled_apps_window_is_fetched_a_second_time() -> None:
    coverage = Coverage()
    for number in range(8):
        now = FIRST + number * ONE
        due = plan(coverage, now, has_key=True, apps_since=dt.date(2026, 11, 20))
        starts = [
            window(one)[0] for one in due.for_surface(APPS).requests if window(one) == (dt.date(2026, 11, 21),) * 2
        ]
        assert len(starts) == (1 if number in (0, 3) else 0), now
        fetch(coverage, due, now)


def test_fewest_snapshots_cover_every_day() -> None:
    due = plan(Coverage(), FIRST, has_key=False, newest_snapshot=FIRST.date()).for_surface(RANKINGS_EXPORT)
    snapshots = [request.params["snapshot_date"] for request in due.requests]
    assert snapshots == ["2026-11-22", "2026-11-18", "2026-10-19", "2026-09-19"]
    every = plan(Coverage(), FIRST, has_key=False, newest_snapshot=FIRST.date(), refetch_all=True)
    assert len(every.for_surface(RANKINGS_EXPORT).requests) == 65


def test_absent_snapshots_are_not_fetched() -> None:
    every = frozenset(dt.date(2026, 9, 19) + number * ONE for number in range(65))
    due = plan(Coverage(), FIRST, has_key=False, newest_snapshot=FIRST.date(), absent_snapshots=every)
    assert not due.for_surface(RANKINGS_EXPORT).requests
    first = plan(
        Coverage(), FIRST, has_key=False, newest_snapshot=FIRST.date(), absent_snapshots=frozenset(sorted(every)[:1])
    )
    snapshots = {request.params["snapshot_date"] for request in first.for_surface(RANKINGS_EXPORT).requests}
    # 20 August is lost, since only the first snapshot contains it; the second contains all later days.
    assert min(snapshots) == "2026-09-20"


def test_nothing_before_the_first_day_is_fetched() -> None:
    now = dt.datetime(2025, 1, 20, 2, tzinfo=dt.UTC)
    early = dt.date(2024, 11, 2)
    due = plan(Coverage(), now, has_key=True, since=early, apps_since=early)
    assert min(window(one)[0] for one in due.requests if "start_date" in one.params) == FIRST_DAY


@given(absent=st.sets(st.dates(dt.date(2026, 9, 20), dt.date(2026, 11, 21)), max_size=12))
def test_other_snapshots_replace_an_absent_one(absent: set[dt.date]) -> None:
    due = plan(Coverage(), FIRST, has_key=False, newest_snapshot=FIRST.date(), absent_snapshots=frozenset(absent))
    snapshots = {
        dt.date.fromisoformat(request.params["snapshot_date"]) for request in due.for_surface(RANKINGS_EXPORT).requests
    }
    assert not snapshots & absent
    covered = set().union(*(days(snapshot - 30 * ONE, snapshot - ONE) for snapshot in snapshots))
    assert covered == days(dt.date(2026, 8, 20), FIRST.date() - ONE)


def test_most_important_requests_come_first() -> None:
    due = plan(Coverage(), FIRST, has_key=True, newest_snapshot=FIRST.date())
    assert [request.importance for request in due.requests] == sorted(request.importance for request in due.requests)
    assert window(due.requests[0])[1] == dt.date(2026, 11, 21)
    now, deferred = due.within(20)
    assert now.quota == 20
    assert {request.importance for request in deferred.requests} >= {Importance.SLICES, Importance.APPS_HISTORY}
    assert len(now.requests) + len(deferred.requests) == len(due.requests)
    apps = [request for request in due.requests if request.surface is APPS]
    ends = [window(request)[1] for request in apps if request.importance is Importance.APPS_HISTORY]
    assert ends == sorted(ends, reverse=True)


def test_less_important_request_does_not_overtake() -> None:
    two = Request(APPS, {}, Importance.APPS_HISTORY, requests=2)
    one = Request(TASKS, {}, Importance.APPS_HISTORY)
    free = Request(MODELS, {}, Importance.APPS_HISTORY)
    assert Plan((two, one, free)).within(1) == (Plan((free,)), Plan((two, one)))


def test_waiting_minutes_under_the_quota() -> None:
    def minutes(requests: int) -> int:
        return Plan((Request(TASKS, {}, Importance.HISTORY, requests),)).minutes(30)

    assert [minutes(number) for number in (1, 30, 31, 60, 61, 500)] == [0, 0, 1, 1, 2, 16]


def test_backfill_fetches_covered_days_too() -> None:
    due = planner.backfill(dt.date(2026, 6, 29), dt.date(2026, 7, 12), FIRST.date())
    by_series = {series(request): window(request) for request in due.for_surface(RANKINGS).requests}
    assert by_series[(("period", "day"),)] == (dt.date(2026, 6, 29), dt.date(2026, 7, 12))
    assert by_series[(("period", "week"),)] == (dt.date(2026, 6, 29), dt.date(2026, 7, 12))
    assert (("period", "month"),) not in by_series  # the window contains no whole month
    assert len(due.for_surface(APPS).requests) == 14 + 2
    for first, last in (("2024-12-31", "2025-01-02"), ("2026-01-02", "2026-01-01"), ("2026-11-01", "2026-11-22")):
        with pytest.raises(ValueError, match="is not a window"):
            planner.backfill(dt.date.fromisoformat(first), dt.date.fromisoformat(last), FIRST.date())


# Responses that a lake may hold: for any window, fetched at any time.
RESPONSES = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 366), st.integers(0, 900), st.sampled_from(["day", "week", "month"])),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(responses=RESPONSES, today=st.integers(1, 900))
def test_windows_are_valid_and_leave_no_gap(responses: list[tuple[int, int, int, str]], today: int) -> None:
    now = dt.datetime.combine(FIRST_DAY, dt.time(2), dt.UTC) + today * ONE
    coverage = Coverage()
    for first, length, fetched, period in responses:
        start = FIRST_DAY + first * ONE
        params = {"period": period, "start_date": f"{start}", "end_date": f"{start + (length - 1) * ONE}"}
        coverage.add(RANKINGS, params, min(now, now.replace(year=2025, month=1, day=1) + fetched * ONE), now)
    due = plan(coverage, now, has_key=True)
    by_series: dict[tuple, list[tuple[dt.date, dt.date]]] = {}
    for request in due.for_surface(RANKINGS).requests:
        by_series.setdefault(series(request), []).append(window(request))
    for windows in by_series.values():
        assert all(FIRST_DAY <= start <= end < now.date() for start, end in windows)
        assert all((end - start).days < MAX_WINDOW_DAYS for start, end in windows)
        in_order = sorted(windows)
        assert all(before[1] < after[0] for before, after in pairwise(in_order))
    fetch(coverage, due, now)
    # Once everything due is fetched, nothing is missing and nothing is due.
    assert not plan(coverage, now, has_key=True).for_surface(RANKINGS).requests
    everything = {FIRST_DAY + number * ONE for number in range(today)}
    assert everything <= coverage.periods.get((("period", "day"),), {}).keys()


@given(quota=st.integers(0, 600), has_key=st.booleans())
def test_plan_never_exceeds_the_quota(quota: int, has_key: bool) -> None:
    due = plan(Coverage(models=600), FIRST, has_key=has_key, newest_snapshot=FIRST.date())
    now, deferred = due.within(quota)
    assert now.quota <= quota
    assert {*map(id, now.requests), *map(id, deferred.requests)} == {*map(id, due.requests)}
    assert len(now.requests) + len(deferred.requests) == len(due.requests)


@given(starts=st.sets(st.integers(0, 2000), min_size=1, max_size=30))
def test_windows_are_the_fewest(starts: set[int]) -> None:
    windows = planner.windows("day", [FIRST_DAY + number * ONE for number in starts])
    # No two last days fit into one window, so fewer windows are impossible.
    ends = [end for _, end in windows]
    assert all((after - before).days >= MAX_WINDOW_DAYS for after, before in pairwise(ends))
    assert all(any(a <= FIRST_DAY + number * ONE <= b for a, b in windows) for number in starts)
