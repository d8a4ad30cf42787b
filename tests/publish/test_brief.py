"""The sentences that the brief writes itself: rounded, and none of a change that the rounding hides."""

import datetime as dt

import duckdb
import pytest

from orchestration.publish.report.brief import Period, _gain, _price_change, _restatement

WEEK = Period("week", dt.date(2026, 7, 27))
MOMENTS = "'u' as source_url, timestamp '2026-08-07' as as_of, timestamp '2026-08-07' as checked_at"


def restated(*changes: tuple[str, int, int]) -> list[str]:
    connection = duckdb.connect()
    connection.execute(
        "create table restatement as select 'all' as slice, date '2026-08-02' as date, ''::varchar as model_permaslug, "
        f"0::bigint as first_tokens, 0::bigint as last_tokens, 0::double as change_pct, {MOMENTS} limit 0"
    )
    for slug, first, last in changes:
        connection.execute(
            f"insert into restatement select 'all', date '2026-08-02', ?, ?, ?, ?, {MOMENTS}",
            [slug, first, last, 100 * (last / first - 1)],
        )
    return [told.text for told in _restatement(connection, WEEK)]


def test_restatement_below_the_rounding_is_no_sentence() -> None:
    assert restated(("a/one", 34_602_504_369, 34_619_087_211)) == []
    # Reads 34.6, then 34.7, after a change of 0.01 %.
    assert restated(("a/one", 34_649_000_000, 34_652_000_000)) == []


def test_largest_visible_restatement_is_the_sentence() -> None:
    hidden, visible = ("a", 1_000_000_000, 1_004_000_000), ("b", 998_000_000, 999_000_000)
    [text] = restated(hidden, visible)
    assert "changed most for b: from 998 million to 999 million tokens (+0.1 %)" in text
    [text] = restated(hidden, visible, ("c", 34_602_504_369, 35_919_087_211))
    assert "changed most for c: from 34.6 billion to 35.9 billion tokens (+3.8 %)" in text


def gained(change: float) -> list[str]:
    connection = duckdb.connect()
    connection.execute("create table author as select 'a' as author, 'Author A' as display_name")
    connection.execute(
        "create table growth_author as select 'a' as author, '7d' as horizon, date '2026-08-02' as window_end, "
        f"'ok' as status, {change}::double as share_change_pp, {MOMENTS}"
    )
    return [told.text for told in _gain(connection, WEEK)]


def test_gain_below_the_rounding_is_no_sentence() -> None:
    assert gained(0.049) == []
    assert "gained 0.1 percentage points" in gained(0.0501)[0]


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (0.5, 0.017934774, "from 0.5 to 0.017934774 USD"),
        (1234567.0, 0.1 + 0.2, "from 1234567 to 0.3 USD"),
    ],
)
def test_prices_are_shown_as_listed(before: float, now: float, words: str) -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table price_history as select 'a/one' as model_id, timestamp '2026-07-28' as valid_from, timestamp "
        f"'2026-07-27' as not_before, {before}::double as previous_prompt_usd_per_mtok, {now}::double as "
        "prompt_usd_per_mtok, 1 as previous_completion_usd_per_mtok, null as completion_usd_per_mtok, "
        f"false as is_return, {MOMENTS}"
    )
    [told] = _price_change(connection, WEEK)
    assert words in told.text
    assert "its output price was 1 before and not listed then" in told.text
