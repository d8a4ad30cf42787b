"""Calendar periods: where they end, and which are whole within some days."""

import datetime as dt

import pytest

from orchestration.periods import last_day, whole_periods


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("day", "2026-08-06", "2026-08-06"),
        ("week", "2026-07-27", "2026-08-02"),
        ("month", "2026-12-01", "2026-12-31"),
        ("month", "2028-02-01", "2028-02-29"),
    ],
)
def test_last_day_of_a_period(period: str, start: str, end: str) -> None:
    assert last_day(period, dt.date.fromisoformat(start)) == dt.date.fromisoformat(end)


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        ("day", ["2026-07-26", "2026-07-27", "2026-07-28", "2026-07-29", "2026-07-30", "2026-07-31", "2026-08-01"]),
        ("week", []),
        ("month", []),
    ],
)
def test_periods_that_end_later_are_not_whole(period: str, starts: list[str]) -> None:
    found = whole_periods(period, dt.date(2026, 7, 26), dt.date(2026, 8, 1))
    assert found == [dt.date.fromisoformat(start) for start in starts]
