"""Figures in sentences: rounded by one rule, in SQL and in Python, and a change below the rounding is none."""

from types import SimpleNamespace

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.formatting import as_listed, as_percent, in_words, is_visible, rounding_of
from orchestration.settings import PROJECT_DIR

TEMPLATE = jinja2.Environment(autoescape=False)  # noqa: S701  # SQL
TEMPLATE.globals["adapter"] = SimpleNamespace(dispatch=lambda name: getattr(MACROS, f"duckdb__{name}"))
MACROS = TEMPLATE.from_string((PROJECT_DIR / "dbt_project/macros/formatting.sql").read_text()).module


@pytest.mark.parametrize(
    ("fraction", "words"),
    [
        (0.12345, "12.3 %"),
        (0.1235, "12.4 %"),
        (0.0996, "10.0 %"),
        (0.01, "1.0 %"),
        (0.00456, "0.46 %"),
        (0.000123, "0.012 %"),
        (1, "100.0 %"),
        (0, "0 %"),
    ],
)
def test_shares_show_tenths_of_a_point_from_one_percent(fraction: float, words: str) -> None:
    assert as_percent(fraction) == words


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


def test_prices_are_shown_as_listed() -> None:
    assert [as_listed(price) for price in (0.017934774, 1234567.0, 0.1 + 0.2)] == ["0.017934774", "1234567", "0.3"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(1e-6, 1) | st.just(0.0), min_size=20), st.lists(st.integers(0, 10**15), min_size=20))
def test_sql_and_python_round_alike(fractions: list[float], amounts: list[int]) -> None:
    calls = {
        "fraction of tokens": (MACROS.as_percent("n"), as_percent, fractions),
        "tokens": (MACROS.tokens_in_words("n"), lambda n: in_words(n, "tokens"), amounts),
        "USD": (MACROS.usd_in_words("n"), lambda n: f"{in_words(n, 'USD')} USD", amounts),
    }
    for unit, (words, expected, numbers) in calls.items():
        sql = f"select {words}, {MACROS.rounding_of('n', unit)} from (select unnest($numbers::double[]) as n)"
        rows = duckdb.execute(sql, {"numbers": numbers}).fetchall()
        assert [row[0] for row in rows] == [expected(float(number)) for number in numbers]
        assert [row[1] for row in rows] == pytest.approx([rounding_of(number, unit) for number in numbers])


@pytest.mark.parametrize(
    ("before", "after", "visible"),
    [
        (0.1270, 0.1274, False),  # reads 12.7 % both times
        (0.12649, 0.12651, False),  # reads 12.6 %, then 12.7 %, after a change of 0.002 points
        (0.1264, 0.1270, True),
        (0.1270, 0.1264, True),
    ],
)
def test_change_below_the_rounding_is_none(before: float, after: float, visible: bool) -> None:
    assert is_visible(before, after, 0.001) is visible
