"""Names, values and rows between Python and SQL."""

import duckdb
import pytest

from orchestration.storage.sql import literal, quoted, rows_as_dicts


@pytest.mark.parametrize("text", ["plain", "it's", 'say "x"', "a; drop table b", "ü %s ?"])
def test_any_text_survives_as_name_and_value(text: str) -> None:
    with duckdb.connect() as connection:
        assert rows_as_dicts(connection.sql(f"select {literal(text)} as {quoted(text)}")) == [{text: text}]


def test_rows_of_relations_and_statements_are_dicts() -> None:
    with duckdb.connect() as connection:
        expected = [{"n": 1, "name": "a"}, {"n": 2, "name": None}]
        sql = "select * from (values (1, 'a'), (2, null)) as rows(n, name) where n <= $limit"
        assert rows_as_dicts(connection.execute(sql, {"limit": 2})) == expected
        assert rows_as_dicts(connection.sql(sql.replace("$limit", "2"))) == expected
        assert rows_as_dicts(connection.sql(sql.replace("$limit", "0"))) == []
