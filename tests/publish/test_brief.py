"""The brief: its findings, each from a row of a mart, within 250 words."""

import datetime as dt

import duckdb
import pytest

from orchestration.publish.report.brief import (
    Finding,
    Period,
    _largest_moves,
    _largest_new_model,
    _largest_price_change,
    _largest_revision,
    _leading_model,
    _traffic,
    as_markdown,
)
from orchestration.untrusted import plain_text

WEEK = Period("week", dt.date(2026, 7, 27), dt.date(2026, 8, 2))
DAY = Period("day", dt.date(2026, 8, 2), dt.date(2026, 8, 2))
TIMES = "'u' as source_url, timestamp '2026-08-07' as as_of, timestamp '2026-08-07' as checked_at"


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    """The views of the report, for the week of 27 July 2026; model `a/one` has a name, other models have none."""
    connection = duckdb.connect()
    connection.execute(
        """
        create table newest as
        select 'week' as period, date '2026-07-27' as period_start, date '2026-07-20' as previous_start;
        create table model_names as select 'a/one' as model_permaslug, 'One' as model_name, 'Author {A}' as author_name;
        create table price_names as select 'a/one' as model_id, 'One' as model_name;
        create table author_names as select 'a' as author, 'Author {A}' as author_name;
        """
    )
    return connection


def revised(connection: duckdb.DuckDBPyConnection, *changes: tuple[str, int, int]) -> list[str]:
    connection.execute(
        "create or replace table restatement as select 'all' as slice, date '2026-08-02' as date, "
        "''::varchar as model_permaslug, "
        f"0::bigint as first_tokens, 0::bigint as last_tokens, 0::double as change_pct, {TIMES} limit 0"
    )
    for slug, first, last in changes:
        connection.execute(
            f"insert into restatement select 'all', date '2026-08-02', ?, ?, ?, ?, {TIMES}",
            [slug, first, last, 100 * (last / first - 1)],
        )
    return [finding.text for finding in _largest_revision(connection, WEEK)]


def test_invisible_revision_gives_no_finding(connection: duckdb.DuckDBPyConnection) -> None:
    assert revised(connection, ("a/one", 34_602_504_369, 34_619_087_211)) == []
    # Reads 34.6, then 34.7, after a change of 0.01%.
    assert revised(connection, ("a/one", 34_649_000_000, 34_652_000_000)) == []


def test_largest_visible_revision(connection: duckdb.DuckDBPyConnection) -> None:
    hidden, visible = ("a", 1_000_000_000, 1_004_000_000), ("a/one", 998_000_000, 999_000_000)
    [text] = revised(connection, hidden, visible)
    assert text == "Largest revision: One on 2 August 2026, from 998 million to 999 million tokens (+0.1%)."
    [text] = revised(connection, hidden, visible, ("other", 34_602_504_369, 35_919_087_211))
    assert "all unlisted models on 2 August 2026, from 34.6 billion to 35.9 billion tokens (+3.8%)" in text


@pytest.mark.parametrize(("period", "horizon"), [(WEEK, "7d"), (DAY, "1d")])
def test_largest_gain_and_loss(connection: duckdb.DuckDBPyConnection, period: Period, horizon: str) -> None:
    connection.execute(
        f"""
        create table growth_model as
        select
            model_permaslug, '{horizon}' as horizon, date '2026-08-02' as window_end, status,
            change as share_change_pp, {TIMES}
        from (
            values
                ('a/one', 'ok', 0.0501::double), ('a/two', 'ok', 0.049),
                ('a/three', 'ok', -6.92), ('a/four', 'bounded', -9)
        ) as rows (model_permaslug, status, change)
        """
    )
    assert [finding.text for finding in _largest_moves(connection, period)] == [
        "One gained the most share of the models listed every day: +0.1 points.",
        "a/three lost the most share of the models listed every day: -6.9 points.",
    ]
    connection.execute("delete from growth_model where model_permaslug in ('a/one', 'a/three')")  # 0.049 reads 0.0
    assert list(_largest_moves(connection, period)) == []


def test_period_in_words() -> None:
    assert (WEEK.words, WEEK.title, WEEK.name) == ("the week of 27 July 2026", "Week of 27 July 2026", "2026-W31")
    assert (DAY.words, DAY.title, DAY.name) == ("2 August 2026", "2 August 2026", "2026-08-02")


def test_largest_new_model(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create table share_model as select * from (values ('day', date '2026-07-01', 'a/old', 1, 0.5), "
        "('week', date '2026-07-27', 'a/old', 1, 0.5), ('week', date '2026-07-27', 'a/one', 2, 0.023::double)) "
        f"as rows (period, period_start, model_permaslug, rank, share), (select {TIMES})"
    )
    connection.execute(
        "create table model as select * from (values ('a/old', date '2026-07-01'), ('a/one', date '2026-07-29')) "
        "as rows (model_permaslug, first_ranked_on)"
    )
    [finding] = _largest_new_model(connection, WEEK)
    assert finding.text == "New: One, first listed on 29 July 2026, had at least 2.3%."


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0.5, 0.017934774, "input from $0.50 to $0.017934774"),
        (1234567.0, 0.1 + 0.2, "input from $1,234,567.00 to $0.30"),
    ],
)
def test_price_change_shows_listed_prices(
    connection: duckdb.DuckDBPyConnection, before: float, after: float, words: str
) -> None:
    connection.execute(
        "create table price_history as select 'a/one' as model_id, timestamp '2026-07-28' as valid_from, timestamp "
        f"'2026-07-27' as not_before, {before}::double as previous_prompt_usd_per_mtok, {after}::double as "
        "prompt_usd_per_mtok, 1 as previous_completion_usd_per_mtok, null as completion_usd_per_mtok, "
        f"false as is_return, {TIMES}"
    )
    [finding] = _largest_price_change(connection, WEEK)
    assert finding.text == (
        f"Largest price change: One, per million tokens, {words}, output from $1.00 to not listed, "
        "seen on 28 July 2026."
    )


@pytest.mark.parametrize(
    ("prices", "led_before", "words"),
    [
        ("0.14, 0.28", "a/one", ", listed at $0.14 per million input tokens and $0.28 per million output tokens."),
        ("null, null", "a/one", "."),
        ("null, null", "a/two", "; the week before, Two led."),
    ],
)
def test_leading_model(connection: duckdb.DuckDBPyConnection, prices: str, led_before: str, words: str) -> None:
    connection.execute(
        f"""
        insert into model_names values ('a/two', 'Two', 'Author {{A}}');
        create table share_model as
        select
            'week' as period, start as period_start, slug as model_permaslug, 1 as rank, 0.127::double as share,
            {TIMES}
        from (values (date '2026-07-27', 'a/one'), (date '2026-07-20', '{led_before}')) as rows (start, slug);
        create table period_prices as
        select 'a/one' as model_permaslug, prices.* from (values ({prices})) as prices (
            prompt_usd_per_mtok, completion_usd_per_mtok
        );
        """
    )
    [finding] = _leading_model(connection)
    assert finding.text == f"One led with 12.7% of tokens{words}"


def test_traffic_and_the_shares_most_asked_for(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        f"""
        create table traffic_summary as
        select 'week' as period, date '2026-07-27' as period_start, 56.8e12 as total_tokens,
            -0.0216::double as growth_7d, {TIMES};
        create table share_segment as
        select 'week' as period, date '2026-07-27' as period_start, rows.*, {TIMES}
        from (
            values ('weights', 'open', 0.704::double), ('author_country', 'US', 0.299)
        ) as rows (segment_type, segment, share);
        """
    )
    assert [finding.text for finding in _traffic(connection, WEEK)] == [
        "Traffic was 56.8 trillion tokens, -2.2% on the week before.",
        "Open-weight models had at least 70.4%, authors in the United States 29.9%.",
    ]


def test_brief_has_no_control_characters() -> None:
    text = as_markdown(WEEK, [Finding("One\x1b[31m \u202eled.", "claim", {}, {})], "One\x07 caveat.", ["X\x9b."], "")
    assert plain_text(text) == text
    assert "- One\\[31m led." in text


def test_brief_is_marked_and_escapes_names() -> None:
    finding = Finding("<b>One</b> [led](x) with *all* tokens.", "claim", {}, {})
    text = as_markdown(WEEK, [finding], "One caveat.", ["Source: X."], "SIMULATED. Invented.")
    assert text.splitlines() == [
        "# SIMULATED: Week of 27 July 2026",
        "",
        "**SIMULATED. Invented.**",
        "",
        r"- SIMULATED: \<b\>One\</b\> \[led\](x) with \*all\* tokens.",
        "",
        "One caveat.",
        "",
        "Source: X.",
    ]
