"""The tiles and the sentence of the period. Their numbers are compared with the marts in the browser tests."""

import datetime as dt

import duckdb
import pytest

from orchestration.publish.report import headline as module
from orchestration.publish.report.headline import _periods, _points, _sentence, sparkline

NEWEST = {"period": "week", "period_start": dt.date(2026, 7, 27), "previous_start": dt.date(2026, 7, 20)}


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [(0.704, 0.716, "-1.2 points"), (0.127, 0.11, "+1.7 points"), (0.5004, 0.5, "no change")],
)
def test_change_of_a_share(now: float, before: float, text: str) -> None:
    assert _points(now, before) == text


def test_small_line_starts_at_zero_and_breaks_at_a_gap() -> None:
    [line] = sparkline([5, 10, 0], 66, 26)
    assert line == [(3, 13), (33, 3), (63, 23)]
    assert sparkline([5, None, 10], 66, 26) == [[(3, 13)], [(63, 3)]]
    assert sparkline([None], 66, 26) == []
    assert sparkline([0.0], 66, 26) == [[(3, 23)]]


def test_small_line_begins_with_the_data() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table traffic_summary as select * from ("
        "values ('week', date '2026-07-13'), ('day', date '2026-01-01')) as rows (period, period_start)"
    )
    assert _periods(connection, NEWEST) == [dt.date(2026, 7, 13), dt.date(2026, 7, 20), dt.date(2026, 7, 27)]
    connection.execute("insert into traffic_summary values ('week', date '2025-01-06')")
    assert len(_periods(connection, NEWEST)) == 12


def sentence(growth: float | None, leader: bool, shares: list[float]) -> str:
    connection = duckdb.connect()
    connection.execute(
        """
        create table newest as
        select 'week' as period, date '2026-07-27' as period_start, date '2026-07-20' as previous_start;
        create table author_names as select 'a' as author, 'DeepSeek' as author_name;
        create table share_author as
        select 'week' as period, date '2026-07-27' as period_start, 'a' as author, 0.215::double as share, 1 as rank;
        create table share_segment (
            period varchar, period_start date, segment_type varchar, segment varchar, share double
        );
        """
    )
    connection.execute(
        "create table period_traffic as select 56.8e12::double as total_tokens, ?::double as growth",
        [growth],
    )
    if not leader:
        connection.execute("delete from share_author")
    for start, share in zip(("2026-07-27", "2026-07-20"), shares, strict=False):
        connection.execute("insert into share_segment values ('week', ?, 'weights', 'open', ?)", [start, share])
    return _sentence(connection)


def test_sentence_says_what_is_known() -> None:
    assert sentence(-0.0216, True, [0.704, 0.716]) == (
        "Traffic fell 2.2% to 56.8 trillion tokens, the models of DeepSeek led with 21.5%, and listed open-weight "
        "models had 70.4% (-1.2 points)."
    )
    assert sentence(0.1, True, [0.704]).startswith("Traffic rose 10% to 56.8 trillion tokens, ")
    assert sentence(0.1, True, [0.704]).endswith("models had 70.4%.")
    assert sentence(0.0, True, []) == (
        "Traffic stayed at 56.8 trillion tokens and the models of DeepSeek led with 21.5%."
    )
    assert sentence(None, False, []) == "Traffic was 56.8 trillion tokens."


def test_leader_of_the_day_is_named_if_another_model_led_the_week() -> None:
    connection = duckdb.connect()
    connection.execute(
        """
        create table model_names as
        select slug as model_permaslug, upper(slug) as model_name from (values ('a'), ('b')) as slugs (slug);
        create table share_model as
        select * from (
            values ('day', date '2026-08-06', 'b', 1, 0.131::double), ('day', date '2026-08-05', 'a', 1, 0.2)
        )
            as rows (period, period_start, model_permaslug, rank, share);
        """
    )
    [[words, number]] = module._leader_of_the_day(connection, "a")
    assert words == "On 6 August, B led with "
    assert isinstance(number, module.Number)
    assert number.text == "13.1%"
    assert module._leader_of_the_day(connection, "b") == []
