"""Figures and dates in sentences: SQL and Python follow one rule, and a change that rounding hides is invisible."""

import datetime as dt
from types import SimpleNamespace

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.folders import PROJECT_DIR
from orchestration.formatting import (
    as_listed,
    as_percent,
    basic_timestamp,
    change_in_percent,
    date_in_words,
    in_words,
    is_visible,
    iso_timestamp,
    period_in_words,
    rounding_of,
    usd,
    usd_price,
)

TEMPLATE = jinja2.Environment(autoescape=False)  # noqa: S701  # SQL
TEMPLATE.globals["adapter"] = SimpleNamespace(dispatch=lambda name: getattr(MACROS, f"default__{name}"))
MACROS = TEMPLATE.from_string((PROJECT_DIR / "dbt_project/macros/formatting.sql").read_text(encoding="utf-8")).module


@pytest.mark.parametrize(
    ("fraction", "words"),
    [
        (0.12345, "12.3%"),
        (0.1235, "12.4%"),
        (0.0996, "10.0%"),
        (0.01, "1.0%"),
        (0.00456, "0.46%"),
        (0.000123, "0.012%"),
        (1, "100.0%"),
        (0, "0%"),
    ],
)
def test_shares_show_tenths_of_a_point_from_one_percent(fraction: float, words: str) -> None:
    assert as_percent(fraction) == words


@pytest.mark.parametrize(
    ("percent", "words"), [(3.805, "+3.8%"), (0.1002, "+0.1%"), (-4.94, "-4.9%"), (123.4, "+120%"), (-1234, "-1,200%")]
)
def test_changes_show_sign_and_two_digits(percent: float, words: str) -> None:
    assert change_in_percent(percent) == words


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (34_602_504_369, "tokens", "34.6 billion"),
        (9_996_550_853_376, "tokens", "10.0 trillion"),
        (2_500_000_000_000, "tokens", "2.50 trillion"),
        (999_999, "tokens", "1.00 million"),
        (123_456, "tokens", "123,000"),
        (7, "tokens", "7"),
        (860_981, "USD", "860,000"),
        (192_400_000, "USD", "190 million"),
        (1_049_000, "USD", "1.0 million"),
        (0, "USD", "0"),
    ],
)
def test_tokens_show_three_digits_and_dollars_two(number: float, unit: str, words: str) -> None:
    assert in_words(number, unit) == words


@pytest.mark.parametrize(("amount", "words"), [(1_234_567, "$1.2 million"), (860_981, "$860,000"), (-42, "-$42")])
def test_estimated_dollars_are_rounded(amount: float, words: str) -> None:
    assert usd(amount) == words


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (0.1, "$0.10"),
        (2.0, "$2.00"),
        (0.0, "$0.00"),
        (0.017934774, "$0.017934774"),
        (1234567.0, "$1,234,567.00"),
        (0.1 + 0.2, "$0.30"),
        (0.0000001, "$0.0000001"),
        (None, "not listed"),
    ],
)
def test_prices_are_never_rounded(price: float | None, words: str) -> None:
    assert usd_price(price) == words


def test_missing_price_shows_the_given_text() -> None:
    assert usd_price(None, missing="–") == "–"


def test_listed_prices_lose_binary_noise() -> None:
    assert [as_listed(price) for price in (0.017934774, 1234567.0, 0.1 + 0.2)] == ["0.017934774", "1234567", "0.3"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(1e-6, 1) | st.just(0.0), min_size=20), st.lists(st.integers(0, 10**15), min_size=20))
def test_sql_and_python_round_alike(fractions: list[float], amounts: list[int]) -> None:
    calls = {
        "fraction of tokens": (MACROS.as_percent("n"), as_percent, fractions),
        "tokens": (MACROS.tokens_in_words("n"), lambda n: in_words(n, "tokens"), amounts),
        "USD": (MACROS.usd_in_words("n"), usd, amounts),
    }
    for unit, (words, expected, numbers) in calls.items():
        sql = f"select {words}, {MACROS.rounding_of('n', unit)} from (select unnest($numbers::double[]) as n)"
        rows = duckdb.execute(sql, {"numbers": numbers}).fetchall()
        assert [row[0] for row in rows] == [expected(float(number)) for number in numbers]
        assert [row[1] for row in rows] == pytest.approx([rounding_of(number, unit) for number in numbers])


@pytest.mark.parametrize(
    ("period", "start", "words"),
    [
        ("day", dt.date(2026, 8, 6), "on 6 August 2026"),
        ("week", dt.date(2026, 7, 27), "in the week of 27 July 2026"),
        ("month", dt.date(2026, 7, 1), "in July 2026"),
    ],
)
def test_sql_and_python_name_a_period_alike(period: str, start: dt.date, words: str) -> None:
    assert period_in_words(period, start) == words
    sql = f"select {MACROS.period_in_words('$period', '$start')}"
    assert duckdb.execute(sql, {"period": period, "start": start}).fetchall() == [(words[0].upper() + words[1:],)]


def test_dates_are_written_day_first() -> None:
    assert date_in_words(dt.date(2026, 7, 27)) == "27 July 2026"


def test_timestamps_for_programs_follow_iso_8601() -> None:
    timestamp = dt.datetime(2026, 8, 7, 0, 5, 19, 999, tzinfo=dt.UTC)
    assert iso_timestamp(timestamp) == "2026-08-07T00:05:19Z"
    assert basic_timestamp(timestamp) == "20260807T000519Z"


@pytest.mark.parametrize(
    ("before", "after", "visible"),
    [
        (0.1270, 0.1274, False),  # reads 12.7% both times
        (0.12649, 0.12651, False),  # reads 12.6%, then 12.7%, after a change of 0.002 points
        (0.1264, 0.1270, True),
        (0.1270, 0.1264, True),
    ],
)
def test_change_below_the_rounding_is_invisible(before: float, after: float, visible: bool) -> None:
    assert is_visible(before, after, 0.001) is visible
