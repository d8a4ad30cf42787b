"""The sentences that the brief writes itself: their figures, and that a change which rounding hides gives none."""

import datetime as dt

import duckdb
import pytest

from orchestration.publish.report.brief import (
    Period,
    _largest_gain,
    _largest_new_model,
    _largest_price_change,
    _largest_revision,
)

WEEK = Period("week", dt.date(2026, 7, 27))
DAY = Period("day", dt.date(2026, 8, 2))
TIMES = "'u' as source_url, timestamp '2026-08-07' as as_of, timestamp '2026-08-07' as checked_at"


def revised(*changes: tuple[str, int, int]) -> list[str]:
    connection = duckdb.connect()
    connection.execute(
        "create table restatement as select 'all' as slice, date '2026-08-02' as date, ''::varchar as model_permaslug, "
        f"0::bigint as first_tokens, 0::bigint as last_tokens, 0::double as change_pct, {TIMES} limit 0"
    )
    for slug, first, last in changes:
        connection.execute(
            f"insert into restatement select 'all', date '2026-08-02', ?, ?, ?, ?, {TIMES}",
            [slug, first, last, 100 * (last / first - 1)],
        )
    return [draft.text for draft in _largest_revision(connection, WEEK)]


def test_invisible_revision_gives_no_sentence() -> None:
    assert revised(("a/one", 34_602_504_369, 34_619_087_211)) == []
    # Reads 34.6, then 34.7, after a change of 0.01%.
    assert revised(("a/one", 34_649_000_000, 34_652_000_000)) == []


def test_largest_visible_revision_is_the_sentence() -> None:
    hidden, visible = ("a", 1_000_000_000, 1_004_000_000), ("b", 998_000_000, 999_000_000)
    [text] = revised(hidden, visible)
    assert text == (
        "The largest revision of a day in the week of 27 July 2026 is for b on 2 August 2026: "
        "from 998 million to 999 million tokens (+0.1%)."
    )
    [text] = revised(hidden, visible, ("other", 34_602_504_369, 35_919_087_211))
    assert "for all unlisted models on 2 August 2026: from 34.6 billion to 35.9 billion tokens (+3.8%)" in text


def gained(change: float, period: Period = WEEK) -> list[str]:
    connection = duckdb.connect()
    connection.execute("create table author as select 'a' as author, 'Author {A}' as display_name")
    connection.execute(
        f"create table growth_author as select 'a' as author, '{'7d' if period is WEEK else '1d'}' as horizon, "
        f"date '2026-08-02' as window_end, 'ok' as status, {change}::double as share_change_pp, {TIMES}"
    )
    return [draft.text for draft in _largest_gain(connection, period, "the tokens")]


def test_invisible_gain_gives_no_sentence() -> None:
    assert gained(0.049) == []
    [text] = gained(0.0501)
    assert text.startswith(
        "In the week of 27 July 2026, the listed models of Author {A} raised their share of the tokens by "
        "0.1 percentage points over the week before, "
    )


def test_brief_of_a_day_names_the_day() -> None:
    [text] = gained(1, DAY)
    assert text.startswith("On 2 August 2026, ")
    assert "over the day before" in text
    assert (DAY.words, DAY.name) == ("2 August 2026", "2026-08-02")
    assert (WEEK.words, WEEK.name) == ("the week of 27 July 2026", "2026-W31")


def test_largest_new_model_is_the_sentence() -> None:
    connection = duckdb.connect()
    connection.execute("create table newest as select 'week' as period, date '2026-07-27' as period_start")
    connection.execute(
        "create table share_model as select * from (values ('day', date '2026-07-01', 'a/old', 1, 0.5), "
        "('week', date '2026-07-27', 'a/old', 1, 0.5), ('week', date '2026-07-27', 'a/new', 2, 0.023::double)) "
        f"as rows (period, period_start, model_permaslug, rank, share), (select {TIMES})"
    )
    connection.execute(
        "create table model as select * from (values ('a/old', date '2026-07-01'), ('a/new', date '2026-07-29')) "
        "as rows (model_permaslug, first_ranked_on)"
    )
    [draft] = _largest_new_model(connection, WEEK, "the tokens")
    assert draft.text == (
        "In the week of 27 July 2026, a/new had at least 2.3% of the tokens; it was first listed on 29 July 2026."
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0.5, 0.017934774, "from $0.50 to $0.017934774 per million tokens"),
        (1234567.0, 0.1 + 0.2, "from $1,234,567.00 to $0.30 per million tokens"),
    ],
)
def test_price_change_shows_listed_prices(before: float, after: float, words: str) -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table price_history as select 'a/one' as model_id, timestamp '2026-07-28' as valid_from, timestamp "
        f"'2026-07-27' as not_before, {before}::double as previous_prompt_usd_per_mtok, {after}::double as "
        "prompt_usd_per_mtok, 1 as previous_completion_usd_per_mtok, null as completion_usd_per_mtok, "
        f"false as is_return, {TIMES}"
    )
    [draft] = _largest_price_change(connection, WEEK)
    assert words in draft.text
    assert "seen on 28 July 2026; its output price was $1.00 before and not listed after." in draft.text
    assert draft.caveat.startswith("The previous price was last seen on 27 July 2026.")
