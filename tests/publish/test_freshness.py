"""The age of the published data: measures worked out by hand, and fetches that must not make it look fresher."""

import datetime as dt

import duckdb
import pytest

from orchestration.publish.freshness import Measure, limits, measures, surfaces, worst_state

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 8, 10, 2, tzinfo=dt.UTC)


def at(day: int, hour: int = 1, month: int = 8) -> dt.datetime:
    return dt.datetime.combine(dt.date(2026, month, day), dt.time(hour))


class Published:
    """The few columns of the published tables that freshness reads."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(
            "create table coverage (surface varchar, slice varchar, date date, is_complete boolean, as_of timestamp, "
            "checked_at timestamp)"
        )
        self.connection.execute(
            "create table spend_model (period varchar, period_start date, model_permaslug varchar, tokens bigint, "
            "price_age_hours double)"
        )

    def add_response(self, surface: str, date: dt.date, as_of: dt.datetime) -> None:
        self.connection.execute(
            "insert into coverage values (?, 'all', ?, true, ?, ?)",
            [surface, date, as_of, as_of + dt.timedelta(hours=1)],
        )

    def add_price(self, date: dt.date, tokens: int, hours: float) -> None:
        self.connection.execute("insert into spend_model values ('day', ?, ?, ?, ?)", [date, str(hours), tokens, hours])

    def measure(self, surface: str, name: str, now: dt.datetime = NOW) -> Measure:
        [measure] = [one for one in measures(self.connection, now) if (one.surface, one.name) == (surface, name)]
        return measure


@pytest.fixture
def published() -> Published:
    """Twelve days of rankings, each fetched at one o'clock on the next day, and prices of the newest day."""
    tables = Published()
    for day in range(12):
        date = dt.date(2026, 7, 29) + day * DAY
        tables.add_response("rankings", date, dt.datetime.combine(date, dt.time(1)) + DAY)
    tables.add_price(dt.date(2026, 8, 9), 90, 20.0)
    tables.add_price(dt.date(2026, 8, 9), 9, 30.0)
    tables.add_price(dt.date(2026, 8, 9), 1, 500.0)
    return tables


def test_measures_worked_out_by_hand(published: Published) -> None:
    values = {name: published.measure("rankings", name).value for name in ("newest_day_hours", "as_of_hours")}
    assert values == {"newest_day_hours": 2.0, "as_of_hours": 1.0}
    assert published.measure("rankings", "checked_hours").value == 0.0
    assert published.measure("rankings", "days_missing").value == 0.0
    # All days were fetched within three days of their end, and none again after that.
    assert published.measure("rankings", "days_to_restate").value == 12.0
    # The oldest price of 95% of the tokens is 30 hours old; the one of the remaining tokens does not count.
    assert published.measure("models", "price_hours").value == 30.0


def test_day_refetched_after_four_days_needs_no_refetch(published: Published) -> None:
    for day in range(8):
        date = dt.date(2026, 7, 29) + day * DAY
        published.add_response("rankings", date, at(10))
    assert published.measure("rankings", "days_to_restate").value == 4.0
    published.add_response("rankings", dt.date(2026, 3, 1), at(2, month=3))  # too old to be refetched
    assert published.measure("rankings", "days_to_restate").value == 4.0


def test_backfill_of_old_days_makes_nothing_fresher(published: Published) -> None:
    later = NOW + 4 * DAY
    assert published.measure("rankings", "as_of_hours", later).state == "too old"
    for day in range(1, 29):  # a backfill of June
        published.add_response("rankings", dt.date(2026, 6, day), later.replace(tzinfo=None))
    for name in ("newest_day_hours", "as_of_hours", "checked_hours"):
        assert published.measure("rankings", name, later).state == "too old", name


def test_refetch_of_old_days_makes_nothing_fresher(published: Published) -> None:
    later = NOW + 4 * DAY
    published.connection.execute("update coverage set as_of = ?, checked_at = ? where date < '2026-08-05'", [later] * 2)
    assert published.measure("rankings", "as_of_hours", later).state == "too old"


def test_keyless_export_counts_as_rankings(published: Published) -> None:
    published.add_response("rankings_export", dt.date(2026, 8, 10), at(11))
    assert published.measure("rankings", "newest_day_hours", NOW + DAY).value == 2.0


def test_missing_days_are_counted_within_four_weeks(published: Published) -> None:
    published.connection.execute("delete from coverage where date in ('2026-08-03', '2026-08-04')")
    assert published.measure("rankings", "days_missing").value == 2.0
    assert published.measure("rankings", "days_missing").state == "stale"
    published.add_response("rankings", dt.date(2026, 3, 1), at(2, month=3))  # a gap of months
    assert published.measure("rankings", "days_missing").value == 18.0


def test_surfaces_without_thresholds_use_those_of_rankings() -> None:
    assert limits("models", "as_of_hours") == (36.0, 96.0)
    assert limits("rankings_export", "as_of_hours") == limits("rankings", "as_of_hours")


@pytest.mark.parametrize(("value", "state"), [(36.0, "fresh"), (36.1, "stale"), (72.0, "stale"), (72.1, "too old")])
def test_state_follows_from_the_thresholds(value: float, state: str) -> None:
    assert Measure("rankings", "as_of_hours", value, "hours", 36.0, 72.0, "").state == state


def test_missing_measure_of_an_essential_surface_is_too_old() -> None:
    fresh, stale = (
        [Measure(surface, "as_of_hours", value, "hours", 36.0, 72.0, "") for surface in ("rankings", "models")]
        for value in (1.0, 40.0)
    )
    assert worst_state(fresh, surfaces()) == "fresh"
    assert worst_state([*fresh, *stale], surfaces()) == "stale"
    assert worst_state(fresh[:1], surfaces()) == "too old"
    assert worst_state([], ["rankings"]) == "too old"
    assert worst_state([], ["apps"]) == "fresh"
