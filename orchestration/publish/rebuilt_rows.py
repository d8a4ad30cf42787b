"""Compares a table with the rows that its SQL returns when it runs again; the audit decides which tables to compare."""

from __future__ import annotations

import duckdb

from orchestration.storage.releases import Table
from orchestration.storage.sql import quoted


def has_equal_rows(connection: duckdb.DuckDBPyConnection, schema: str, table: Table, sql: str) -> bool:
    """Whether a table has the rows that its SQL returns, except for the last digits of doubles.

    Adds up a hash of each row first, which needs no join. Rows are compared by key only if the sums differ.
    """
    stored = f"{schema}.{quoted(table.name)}"
    columns = ", ".join(map(quoted, connection.sql(f"from {stored}").columns))
    sums = {
        connection.sql(f"select count(*), sum(hash({columns})) from {rows}").fetchall()[0]  # noqa: S608
        for rows in (stored, f"({sql})")
    }
    return len(sums) == 1 or not differing_rows(connection, schema, table, sql).limit(1).fetchall()


def differing_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, sql: str
) -> duckdb.DuckDBPyRelation:
    """Rows of a table that differ from the result of its SQL: the key, and `differing`.

    `differing` lists the columns that differ, or is 'extra row', 'missing row' or 'duplicate row'.
    """
    stored = f"{schema}.{quoted(table.name)}"
    relation = connection.sql(f"from {stored}")
    types = zip(relation.columns, map(str, relation.types), strict=True)
    differs = {column: _differs(quoted(column), kind) for column, kind in types if column not in table.key}
    names = ", ".join(f"case when {test} then '{name}' end" for name, test in differs.items())
    keys, first = [quoted(key) for key in table.key], quoted(table.key[0])
    return connection.sql(
        f"""
        select
            {", ".join(f"coalesce(stored.{key}, rebuilt.{key}) as {key}" for key in keys)},
            case
                when rebuilt.{first} is null then 'extra row'
                when stored.{first} is null then 'missing row'
                else concat_ws(', ', {names})
            end as differing
        from {stored} as stored
        full join ({sql}) as rebuilt
            on {" and ".join(f"stored.{key} is not distinct from rebuilt.{key}" for key in keys)}
        where stored.{first} is null or rebuilt.{first} is null or {" or ".join(differs.values())}
        union all
        select {", ".join(keys)}, 'duplicate row' as differing
        from {stored}
        group by all
        having count(*) > 1
        """  # noqa: S608
    )


def _differs(column: str, kind: str) -> str:
    """SQL for whether a column differs. It ignores the last digits of doubles, which depend on the order of summing."""
    stored, rebuilt = f"stored.{column}", f"rebuilt.{column}"
    if kind != "DOUBLE":
        return f"{stored} is distinct from {rebuilt}"
    is_off = f"abs({stored} - {rebuilt}) > 1e-9 * greatest(abs({stored}), abs({rebuilt}))"
    return f"(({stored} is null) <> ({rebuilt} is null) or coalesce({is_off}, false))"
