"""Comparing a table with the rows that its SQL returns again."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.publish.rebuilt_rows import differing_rows, has_equal_rows
from orchestration.storage.releases import Table

TABLE = Table("shares", "main", "", {}, key=("model",))
SQL = "select * from (values ('a', 10, 0.1::double), ('b', 30, 0.3::double)) as rows (model, tokens, share)"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"create table shares as {SQL}")
        yield connection


@pytest.mark.parametrize(
    "change",
    [
        "update shares set tokens = 10 where model = 'a'",
        "update shares set share = 0.1::double + 0.2::double where model = 'b'",
        "create or replace table shares as from shares order by model desc",
    ],
    ids=["the same value", "another last digit of a double", "another order"],
)
def test_equal_rows_are_equal(connection: duckdb.DuckDBPyConnection, change: str) -> None:
    connection.execute(change)

    assert has_equal_rows(connection, "main", TABLE, SQL)
    assert differing_rows(connection, "main", TABLE, SQL).fetchall() == []


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("update shares set share = 0.3000001 where model = 'b'", ("b", "share")),
        ("update shares set share = null where model = 'b'", ("b", "share")),
        ("update shares set tokens = 31, share = 0.4 where model = 'b'", ("b", "tokens, share")),
        ("insert into shares values ('c', 1, 0)", ("c", "extra row")),
        ("delete from shares where model = 'a'", ("a", "missing row")),
        ("insert into shares from shares where model = 'b'", ("b", "duplicate row")),
    ],
)
def test_differing_rows_name_their_columns(
    connection: duckdb.DuckDBPyConnection, change: str, difference: tuple[str, str]
) -> None:
    connection.execute(change)

    assert not has_equal_rows(connection, "main", TABLE, SQL)
    assert differing_rows(connection, "main", TABLE, SQL).fetchall() == [difference]


def test_swapped_values_differ(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("update shares set tokens = case tokens when 10 then 30 else 10 end")

    assert not has_equal_rows(connection, "main", TABLE, SQL)
