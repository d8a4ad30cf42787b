"""The planner asks for what is missing or due, in the fewest requests, what matters most first."""

import datetime as dt
from collections import Counter
from itertools import pairwise

import pytest
from conftest import stated_requests
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest import planner
from orchestration.ingest.planner import FIRST_DAY, MAX_WINDOW_DAYS, Importance, Observed, Plan, Request, plan
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


def answered(found: Observed, due: Plan, now: dt.datetime) -> None:
    for request in due.requests:
        found.add(request.surface, request.params, now, now)


def test_the_requests_of_two_days_are_those_worked_out_by_hand() -> None:
    for has_key in (True, False):
        found = Observed(models=600)
        for number, now in enumerate((FIRST, SECOND)):
            due, _ = plan(found, now, has_key=has_key, newest_snapshot=now.date()).within(QUOTA)
            asked = due.by_surface()
            asked["rankings_export"] += 1  # the index, which says which snapshot is the newest
            stated = stated_requests(number, has_key, models=600)
            assert {surface: asked.get(surface, 0) for surface in SURFACES} == stated
            assert due.quota == stated_requests(number, has_key, models=600, row="**quota used**")["**quota used**"]
            answered(found, due, now)


def test_the_history_is_two_windows_a_series() -> None:
    asked = Counter(series(request) for request in plan(Observed(), FIRST, has_key=True).of(RANKINGS).requests)
    assert len(asked) == 27
    assert set(asked.values()) == {2}


def test_the_same_day_nothing_is_due_again_but_prices_after_some_hours() -> None:
    found = Observed(models=600)
    answered(found, plan(found, FIRST, has_key=True, newest_snapshot=FIRST.date()), FIRST)
    for hours, due in ((0, set()), (4, set()), (5, {MODELS.name, ENDPOINTS.name}), (21, {MODELS.name, ENDPOINTS.name})):
        later = FIRST + dt.timedelta(hours=hours)
        assert plan(found, later, has_key=True, newest_snapshot=FIRST.date()).by_surface().keys() == due


def test_everything_is_looked_at_again_after_a_week() -> None:
    found = Observed()
    answered(found, plan(found, FIRST, has_key=True), FIRST)
    for number in range(1, 8):
        now = FIRST + number * ONE
        due = plan(found, now, has_key=True).of(RANKINGS)
        covered = set().union(*(days(*window(one)) for one in due.requests if series(one) == (("period", "day"),)))
        everything = days(FIRST_DAY, now.date() - ONE)
        assert covered == (everything if number == 7 else days(now.date() - 7 * ONE, now.date() - ONE))
        answered(found, due, now)


def test_a_gap_in_the_lake_is_asked_for() -> None:
    found = Observed()
    answered(found, plan(found, FIRST, has_key=True), FIRST)
    lost = {dt.date(2025, 3, 4), dt.date(2025, 3, 5), dt.date(2026, 9, 9)}
    for date in lost:
        del found.periods[(("period", "day"),)][date]
    told = [window(request) for request in plan(found, FIRST, has_key=True).of(RANKINGS).requests]
    assert told == [(dt.date(2026, 9, 9), dt.date(2026, 9, 9)), (dt.date(2025, 3, 4), dt.date(2025, 3, 5))]


def test_a_day_seen_while_it_ran_is_not_held() -> None:
    found = Observed()
    params = {"period": "day", "start_date": "2026-11-20", "end_date": "2026-11-22"}
    found.add(RANKINGS, params, FIRST, FIRST)
    assert max(found.periods[(("period", "day"),)]) == dt.date(2026, 11, 21)


def test_a_day_without_rows_is_held_all_the_same() -> None:
    """What the source has lost is not asked for every day."""
    found = Observed()
    found.add(RANKINGS, {"start_date": "2025-06-14", "end_date": "2025-06-16"}, FIRST, FIRST)
    assert dt.date(2025, 6, 15) in found.periods[(("period", "day"),)]


def test_an_unsettled_window_of_apps_is_looked_at_once_more() -> None:
    found = Observed()
    for number in range(8):
        now = FIRST + number * ONE
        due = plan(found, now, has_key=True, apps_since=dt.date(2026, 11, 20))
        asked = [window(one)[0] for one in due.of(APPS).requests if window(one) == (dt.date(2026, 11, 21),) * 2]
        assert len(asked) == (1 if number in (0, 3) else 0), now
        answered(found, due, now)


def test_snapshots_are_the_fewest_that_tell_of_every_day() -> None:
    due = plan(Observed(), FIRST, has_key=False, newest_snapshot=FIRST.date()).of(RANKINGS_EXPORT)
    told = [request.params["snapshot_date"] for request in due.requests]
    assert told == ["2026-11-22", "2026-11-18", "2026-10-19", "2026-09-19"]
    every = plan(Observed(), FIRST, has_key=False, newest_snapshot=FIRST.date(), refetch=True)
    assert len(every.of(RANKINGS_EXPORT).requests) == 65


def test_snapshots_that_are_nowhere_are_not_looked_for_for_ever() -> None:
    every = frozenset(dt.date(2026, 9, 19) + number * ONE for number in range(65))
    due = plan(Observed(), FIRST, has_key=False, newest_snapshot=FIRST.date(), absent_snapshots=every)
    assert not due.of(RANKINGS_EXPORT).requests
    first = plan(
        Observed(), FIRST, has_key=False, newest_snapshot=FIRST.date(), absent_snapshots=frozenset(sorted(every)[:1])
    )
    told = {request.params["snapshot_date"] for request in first.of(RANKINGS_EXPORT).requests}
    # What the first one alone could tell, 20 August, is gone; all else is told.
    assert min(told) == "2026-09-20"


def test_nothing_is_asked_for_before_the_history_begins() -> None:
    now = dt.datetime(2025, 1, 20, 2, tzinfo=dt.UTC)
    early = dt.date(2024, 11, 2)
    due = plan(Observed(), now, has_key=True, since=early, apps_since=early)
    assert min(window(one)[0] for one in due.requests if "start_date" in one.params) == FIRST_DAY


@given(absent=st.sets(st.dates(dt.date(2026, 9, 20), dt.date(2026, 11, 21)), max_size=12))
def test_a_snapshot_that_is_not_there_is_made_up_for(absent: set[dt.date]) -> None:
    due = plan(Observed(), FIRST, has_key=False, newest_snapshot=FIRST.date(), absent_snapshots=frozenset(absent))
    taken = {dt.date.fromisoformat(request.params["snapshot_date"]) for request in due.of(RANKINGS_EXPORT).requests}
    assert not taken & absent
    told = set().union(*(days(snapshot - 30 * ONE, snapshot - ONE) for snapshot in taken))
    assert told == days(dt.date(2026, 8, 20), FIRST.date() - ONE)


def test_what_matters_most_comes_first_and_nothing_overtakes_it() -> None:
    due = plan(Observed(), FIRST, has_key=True, newest_snapshot=FIRST.date())
    assert [request.importance for request in due.requests] == sorted(request.importance for request in due.requests)
    assert window(due.requests[0])[1] == dt.date(2026, 11, 21)
    now, later = due.within(20)
    assert now.quota == 20
    assert {request.importance for request in later.requests} >= {Importance.SLICES, Importance.APPS_HISTORY}
    assert len(now.requests) + len(later.requests) == len(due.requests)
    apps = [request for request in due.requests if request.surface is APPS]
    ends = [window(request)[1] for request in apps if request.importance is Importance.APPS_HISTORY]
    assert ends == sorted(ends, reverse=True)


def test_a_request_that_does_not_fit_holds_back_what_matters_less() -> None:
    two = Request(APPS, {}, Importance.APPS_HISTORY, requests=2)
    one = Request(TASKS, {}, Importance.APPS_HISTORY)
    free = Request(MODELS, {}, Importance.APPS_HISTORY)
    assert Plan((two, one, free)).within(1) == (Plan((free,)), Plan((two, one)))


def test_minutes_are_those_of_the_quota() -> None:
    def of(requests: int) -> int:
        return Plan((Request(TASKS, {}, Importance.HISTORY, requests),)).minutes(30)

    assert [of(number) for number in (1, 30, 31, 60, 61, 500)] == [0, 0, 1, 1, 2, 16]


def test_explicit_days_are_asked_for_whatever_is_held() -> None:
    due = planner.backfill(dt.date(2026, 6, 29), dt.date(2026, 7, 12), FIRST.date())
    by_series = {series(request): window(request) for request in due.of(RANKINGS).requests}
    assert by_series[(("period", "day"),)] == (dt.date(2026, 6, 29), dt.date(2026, 7, 12))
    assert by_series[(("period", "week"),)] == (dt.date(2026, 6, 29), dt.date(2026, 7, 12))
    assert (("period", "month"),) not in by_series  # no whole one lies within
    assert len(due.of(APPS).requests) == 14 + 2
    for first, last in (("2024-12-31", "2025-01-02"), ("2026-01-02", "2026-01-01"), ("2026-11-01", "2026-11-22")):
        with pytest.raises(ValueError, match="is no window"):
            planner.backfill(dt.date.fromisoformat(first), dt.date.fromisoformat(last), FIRST.date())


# What a lake may hold: responses for any window, made at any moment.
LOOKS = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 366), st.integers(0, 900), st.sampled_from(["day", "week", "month"])),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(looks=LOOKS, today=st.integers(1, 900))
def test_laws_of_windows(looks: list[tuple[int, int, int, str]], today: int) -> None:
    now = dt.datetime.combine(FIRST_DAY, dt.time(2), dt.UTC) + today * ONE
    found = Observed()
    for first, length, made, period in looks:
        start = FIRST_DAY + first * ONE
        params = {"period": period, "start_date": f"{start}", "end_date": f"{start + (length - 1) * ONE}"}
        found.add(RANKINGS, params, min(now, now.replace(year=2025, month=1, day=1) + made * ONE), now)
    due = plan(found, now, has_key=True)
    by_series: dict[tuple, list[tuple[dt.date, dt.date]]] = {}
    for request in due.of(RANKINGS).requests:
        by_series.setdefault(series(request), []).append(window(request))
    for told in by_series.values():
        assert all(FIRST_DAY <= start <= end < now.date() for start, end in told)
        assert all((end - start).days < MAX_WINDOW_DAYS for start, end in told)
        in_order = sorted(told)
        assert all(before[1] < after[0] for before, after in pairwise(in_order))
    answered(found, due, now)
    # No gap: after all of it has been answered, nothing is missing, and nothing is due.
    assert not plan(found, now, has_key=True).of(RANKINGS).requests
    everything = {FIRST_DAY + number * ONE for number in range(today)}
    assert everything <= found.periods.get((("period", "day"),), {}).keys()


@given(quota=st.integers(0, 600), key=st.booleans())
def test_never_over_quota(quota: int, key: bool) -> None:
    due = plan(Observed(models=600), FIRST, has_key=key, newest_snapshot=FIRST.date())
    now, later = due.within(quota)
    assert now.quota <= quota
    assert {*map(id, now.requests), *map(id, later.requests)} == {*map(id, due.requests)}
    assert len(now.requests) + len(later.requests) == len(due.requests)


@given(starts=st.sets(st.integers(0, 2000), min_size=1, max_size=30))
def test_windows_are_the_fewest(starts: set[int]) -> None:
    made = planner.windows("day", [FIRST_DAY + number * ONE for number in starts])
    # No two of the days at which each window ends can share a window, so there is no way with fewer.
    ends = [end for _, end in made]
    assert all((after - before).days >= MAX_WINDOW_DAYS for after, before in pairwise(ends))
    assert all(any(a <= FIRST_DAY + number * ONE <= b for a, b in made) for number in starts)
