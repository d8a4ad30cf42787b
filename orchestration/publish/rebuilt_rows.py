"""Compares a table with the rows that its SQL returns when it runs again; the audit decides which tables to compare."""

from __future__ import annotations

import duckdb

from orchestration.storage.releases import Table
from orchestration.storage.sql import quoted


def has_equal_rows(connection: duckdb.DuckDBPyConnection, schema: str, table: Table, sql: str) -> bool:
    """Whether a table has the rows that its SQL returns.

    Compares one hash of each row's columns, except doubles, which takes less time than to name the columns that differ.
    """
    stored = f"{schema}.{quoted(table.name)}"
    types = _types_of_values(connection, stored, table)
    doubles = [quoted(column) for column, kind in types.items() if kind == "DOUBLE"]
    others = [quoted(column) for column, kind in types.items() if kind != "DOUBLE"]
    columns = ", ".join([*map(quoted, table.key), *doubles, f"hash({', '.join(others)}) as row_hash"])
    differs = " or ".join([_differs(column, "DOUBLE") for column in doubles] + [_differs("row_hash", "UBIGINT")])
    found = connection.sql(
        f"select 1 {_side_by_side(f'(select {columns} from {stored})', f'(select {columns} from ({sql}))', table)}"  # noqa: S608
        f" where {differs} limit 1"
    )
    return not found.fetchall()


def differing_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, sql: str
) -> duckdb.DuckDBPyRelation:
    """Rows of a table that differ from the result of its SQL: its key, and `differing` with the columns that differ."""
    stored = f"{schema}.{quoted(table.name)}"
    keys, first = [quoted(key) for key in table.key], quoted(table.key[0])
    differs = {
        column: _differs(quoted(column), kind) for column, kind in _types_of_values(connection, stored, table).items()
    }
    names = ", ".join(f"case when {test} then '{name}' end" for name, test in differs.items())
    return connection.sql(
        f"""
        select
            {", ".join(f"coalesce(stored.{key}, rebuilt.{key}) as {key}" for key in keys)},
            case
                when rebuilt.{first} is null then 'extra row'
                when stored.{first} is null then 'missing row'
                else concat_ws(', ', {names})
            end as differing
        {_side_by_side(stored, f"({sql})", table)}
        where stored.{first} is null or rebuilt.{first} is null or {" or ".join(differs.values())}
        """
    )


def _types_of_values(connection: duckdb.DuckDBPyConnection, stored: str, table: Table) -> dict[str, str]:
    """Column → type, without the key."""
    relation = connection.sql(f"from {stored}")
    types = zip(relation.columns, map(str, relation.types), strict=True)
    return {column: kind for column, kind in types if column not in table.key}


def _side_by_side(stored: str, rebuilt: str, table: Table) -> str:
    """SQL that joins a table with the result of its SQL by the key; a row that one side lacks is null there."""
    on = " and ".join(f"stored.{key} is not distinct from rebuilt.{key}" for key in map(quoted, table.key))
    return f"from {stored} as stored full join {rebuilt} as rebuilt on {on}"


def _differs(column: str, kind: str) -> str:
    """SQL for whether a column differs. It ignores the last digits of doubles, which depend on the order of summing."""
    stored, rebuilt = f"stored.{column}", f"rebuilt.{column}"
    if kind != "DOUBLE":
        return f"{stored} is distinct from {rebuilt}"
    is_off = f"abs({stored} - {rebuilt}) > 1e-9 * greatest(abs({stored}), abs({rebuilt}))"
    return f"(({stored} is null) <> ({rebuilt} is null) or coalesce({is_off}, false))"
