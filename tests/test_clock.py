"""Timestamps as people write them, and a clock that tests can move."""

import datetime as dt

import pytest

from orchestration.clock import VirtualClock, parse_timestamp
from orchestration.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        ("2026-08-07T00:05:19Z", dt.datetime(2026, 8, 7, 0, 5, 19, tzinfo=dt.UTC)),
        ("2026-08-07T02:05:19+02:00", dt.datetime(2026, 8, 7, 0, 5, 19, tzinfo=dt.UTC)),
        ("2026-08-07 05", dt.datetime(2026, 8, 7, 5, tzinfo=dt.UTC)),
        ("2026-08-07 00:05:19", dt.datetime(2026, 8, 7, 0, 5, 19, tzinfo=dt.UTC)),
        ("2026-08-07", dt.datetime(2026, 8, 7, 23, 59, 59, 999999, tzinfo=dt.UTC)),
    ],
)
def test_timestamp_is_utc_and_a_date_is_the_end_of_day(text: str, timestamp: dt.datetime) -> None:
    assert parse_timestamp(text) == timestamp
    assert parse_timestamp(text).tzinfo is dt.UTC


@pytest.mark.parametrize("text", ["x", "", "2026-13-01", "2026-08-07T25:00:00Z", "1786034890", "tomorrow"])
def test_invalid_timestamp_is_reported_with_a_valid_one(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_timestamp(text)
    assert str(raised.value) == f"{text!r} is not a valid timestamp; use ISO 8601, such as 2026-08-07T00:00:00Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "2019-12-31", "2101-01-01", "9999-12-31T23:59-14:00"])
def test_timestamp_outside_the_supported_years_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"is outside the years 2020 to 2100; use ISO 8601"):
        parse_timestamp(text)


def test_virtual_clock_moves_only_when_slept_on_or_set() -> None:
    start = dt.datetime(2026, 8, 7, tzinfo=dt.UTC)
    clock = VirtualClock(start)
    clock.sleep(90)
    assert clock.now() == start + dt.timedelta(seconds=90)
    clock.set(start)
    assert clock.now() == start
