"""Queries over a release: read-only, one statement, unique column names, the tables to cite, and units of columns."""

import pytest
from conftest import Run

from orchestration.access.query import run_query, tables_in, units_in
from orchestration.access.release import open_release
from orchestration.errors import QueryError


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select no_such_column from share_model", "The query failed: .*no_such_column"),
        ("delete from share_model", "Only SELECT and EXPLAIN are allowed.*Nothing was changed"),
        ("copy share_model to 'x.csv'", "Only SELECT and EXPLAIN are allowed"),
        ("select * from published", "published does not exist"),
        ("select 1; select 2", "The query must be one statement, not 2"),
        ("", "The query must be one statement, not 0"),
        ("select * from read_csv('/etc/passwd')", "disabled"),
    ],
)
def test_refused_query_has_plain_message(few_run: Run, sql: str, message: str) -> None:
    with open_release(few_run.data) as release, pytest.raises(QueryError, match=message):
        run_query(release, sql)


def test_columns_of_equal_name_are_numbered(few_run: Run) -> None:
    with open_release(few_run.data) as release:
        assert run_query(release, "select 1 as a, 2 as a, 3 as a").to_pylist() == [{"a": 1, "a_1": 2, "a_2": 3}]
        assert run_query(release, "explain select 1").num_rows > 0


def test_tables_of_query_include_joins_and_ctes(few_run: Run) -> None:
    sql = "with led as (from share_model where rank = 1) select * from led join Spend_Model using (model_permaslug)"
    with open_release(few_run.data) as release:
        assert tables_in(sql, release) == ["led", "share_model", "spend_model"]
        assert tables_in("select ((", release) == list(release.tables)
        assert tables_in("from price_on('a/one', '2026-07-01') join model using (model_id)", release) == [
            "model",
            "price_history",
        ]


@pytest.mark.parametrize(
    ("sql", "unit"),
    [
        ("from share_author", "fraction"),
        ("select a.share from share_author as a join share_model using (period, period_start)", "fraction"),
        ("with led as (from share_author where rank = 1) select share from led", "fraction"),
        ("select author, share as share from share_author", "fraction"),
        ("select 100 * share as share from share_author", None),
        ("select share: 100 * share from share_author", None),
        ("select * replace (100 * share as share) from share_author", None),
        ("with led(share) as (select 100 * share from share_author) from led", None),
        ("select columns('share') * 100 from share_author", None),
        ("select share from share_author union all select 100 * share from share_author", None),
        ("from model", None),
        ("select ((", None),
    ],
)
def test_only_unchanged_columns_keep_their_unit(few_run: Run, sql: str, unit: str | None) -> None:
    with open_release(few_run.data) as release:
        assert units_in(sql, release).get("share") == unit


def test_explain_prints_no_warning_of_the_parser(few_run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with open_release(few_run.data) as release:
        assert tables_in("explain select 1", release) == []
    assert caplog.messages == []
