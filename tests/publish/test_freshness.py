"""How old the data is, whatever has been run: the measures by hand, and what makes nothing fresh that is not."""

import datetime as dt

import duckdb
import pytest

from orchestration.publish.freshness import Measure, limits, measures

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 8, 10, 2, tzinfo=dt.UTC)
Told = dict[str, tuple[dt.date, dt.datetime]]


def at(day: int, hour: int = 1, month: int = 8) -> dt.datetime:
    return dt.datetime.combine(dt.date(2026, month, day), dt.time(hour))


class Published:
    """The few columns of the published tables that freshness looks at."""

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

    def covers(self, surface: str, date: dt.date, as_of: dt.datetime) -> None:
        self.connection.execute(
            "insert into coverage values (?, 'all', ?, true, ?, ?)",
            [surface, date, as_of, as_of + dt.timedelta(hours=1)],
        )

    def priced(self, date: dt.date, tokens: int, hours: float) -> None:
        self.connection.execute("insert into spend_model values ('day', ?, ?, ?, ?)", [date, str(hours), tokens, hours])

    def measure(self, surface: str, name: str, now: dt.datetime = NOW) -> Measure:
        [found] = [one for one in measures(self.connection, now) if (one.surface, one.name) == (surface, name)]
        return found


@pytest.fixture
def published() -> Published:
    """Twelve days of rankings, each told first thing on the next day, and prices a day old."""
    told = Published()
    for day in range(12):
        date = dt.date(2026, 7, 29) + day * DAY
        told.covers("rankings", date, dt.datetime.combine(date, dt.time(1)) + DAY)
    told.priced(dt.date(2026, 8, 9), 90, 20.0)
    told.priced(dt.date(2026, 8, 9), 9, 30.0)
    told.priced(dt.date(2026, 8, 9), 1, 500.0)
    return told


def test_measures_worked_out_by_hand(published: Published) -> None:
    values = {name: published.measure("rankings", name).value for name in ("newest_day_hours", "as_of_hours")}
    assert values == {"newest_day_hours": 2.0, "as_of_hours": 1.0}
    assert published.measure("rankings", "checked_hours").value == 0.0
    assert published.measure("rankings", "days_missing").value == 0.0
    # A day told at one o'clock after it is told within three days of its end: all of them are, and none anew.
    assert published.measure("rankings", "days_to_restate").value == 12.0
    # Of 95 in 100 tokens the oldest price is 30 hours old; what a handful is joined to does not count.
    assert published.measure("models", "price_hours").value == 30.0


def test_a_day_told_late_enough_has_settled(published: Published) -> None:
    for day in range(8):
        date = dt.date(2026, 7, 29) + day * DAY
        published.covers("rankings", date, at(10))
    assert published.measure("rankings", "days_to_restate").value == 4.0
    published.covers("rankings", dt.date(2026, 3, 1), at(2, month=3))  # who asks for it once more, months later?
    assert published.measure("rankings", "days_to_restate").value == 4.0


def test_old_days_fetched_today_make_nothing_fresh(published: Published) -> None:
    later = NOW + 4 * DAY
    assert published.measure("rankings", "as_of_hours", later).state == "too old"
    for day in range(1, 29):  # a backfill of June, made just now
        published.covers("rankings", dt.date(2026, 6, day), later.replace(tzinfo=None))
    for name in ("newest_day_hours", "as_of_hours", "checked_hours"):
        assert published.measure("rankings", name, later).state == "too old", name


def test_old_days_told_anew_make_nothing_fresh(published: Published) -> None:
    later = NOW + 4 * DAY
    published.connection.execute("update coverage set as_of = ?, checked_at = ? where date < '2026-08-05'", [later] * 2)
    assert published.measure("rankings", "as_of_hours", later).state == "too old"


def test_who_tells_of_a_day_does_not_matter(published: Published) -> None:
    published.covers("rankings_export", dt.date(2026, 8, 10), at(11))
    assert published.measure("rankings", "newest_day_hours", NOW + DAY).value == 2.0


def test_missing_days_are_counted_within_four_weeks(published: Published) -> None:
    published.connection.execute("delete from coverage where date in ('2026-08-03', '2026-08-04')")
    assert published.measure("rankings", "days_missing").value == 2.0
    assert published.measure("rankings", "days_missing").state == "stale"
    published.covers("rankings", dt.date(2026, 3, 1), at(2, month=3))  # long before, a gap of months
    assert published.measure("rankings", "days_missing").value == 18.0


def test_every_surface_has_its_thresholds_and_others_those_of_rankings() -> None:
    assert limits("models", "as_of_hours") == (36.0, 96.0)
    assert limits("rankings_export", "as_of_hours") == limits("rankings", "as_of_hours")


@pytest.mark.parametrize(("value", "state"), [(36.0, "fresh"), (36.1, "stale"), (72.0, "stale"), (72.1, "too old")])
def test_states(value: float, state: str) -> None:
    assert Measure("rankings", "as_of_hours", value, "hours", 36.0, 72.0, "").state == state
