"""Run one read-only SQL statement over a published release.

The command line writes the rows to a terminal or a file.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from orchestration.access.release import PublishedRelease, units_of
from orchestration.errors import QueryError
from orchestration.publish.price_functions import TABLES_READ

_ALLOWED = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def run_query(release: PublishedRelease, sql: str, max_rows: int | None = None) -> pa.Table:
    """The rows of one SELECT or EXPLAIN, at most `max_rows` of them, with unique column names.

    It can read no files other than the release's own.

    Raises QueryError for any other statement, and if the statement fails.
    """
    release.connection.execute("set enable_external_access = false; set python_enable_replacements = false")
    try:
        statements = release.connection.extract_statements(sql)
        if len(statements) != 1:
            raise QueryError(f"The query must be one statement, not {len(statements)}. Nothing was run.")
        if statements[0].type not in _ALLOWED:
            raise QueryError("Only SELECT and EXPLAIN are allowed: the release is read-only. Nothing was changed.")
        relation = release.connection.sql(sql)
        if relation is None:
            raise QueryError("The statement returns no rows. Nothing was changed. Use SELECT or EXPLAIN.")
        if max_rows is not None and statements[0].type == duckdb.StatementType.SELECT:
            relation = relation.limit(max_rows)
        return _with_unique_names(relation.to_arrow_table())
    except duckdb.Error as error:
        raise QueryError(f"The query failed: {error}\n`routerscope query` without SQL lists the tables.") from error


def tables_in(sql: str, release: PublishedRelease) -> Sequence[str]:
    """The tables that a statement reads; if it cannot be parsed, all tables, so that no source goes uncited.

    DuckDB's own `get_table_names` fails on `JOIN … USING`.
    """
    parsed = _parse(sql)
    if parsed is None:
        return list(release.tables)
    named = {table.name.lower() for table in parsed.find_all(exp.Table)} - {""}
    called = {function.name.lower() for function in parsed.find_all(exp.Anonymous)}
    return sorted(named | {table for function in called for table in TABLES_READ.get(function, ())})


def units_in(sql: str, release: PublishedRelease) -> Mapping[str, str]:
    """Column → unit, for the columns with a unit of the tables that a statement reads.

    A name that the statement gives to something else has no unit: `100 * share as share` is not a fraction. No column
    has one if rows are combined from several statements, where names do not show what a column holds.
    """
    parsed = _parse(sql)
    if parsed is None or parsed.find(exp.SetOperation, exp.Columns):
        return {}
    renamed = {alias.alias.lower() for alias in parsed.find_all(exp.Alias) if alias.this.name != alias.alias}
    for alias in parsed.find_all(exp.TableAlias):
        renamed |= {alias.name.lower(), *(column.name.lower() for column in alias.columns)}
    resources = [release.tables[table] for table in tables_in(sql, release) if table in release.tables]
    return {name: unit for one in resources for name, unit in units_of(one).items() if name not in renamed}


def _parse(sql: str) -> exp.Expr | None:
    """The statement, or None if sqlglot does not know its syntax."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of statements such as EXPLAIN
    try:
        return sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return None


def _with_unique_names(rows: pa.Table) -> pa.Table:
    """Renames columns with equal names to a, a_1, …, because a JSON object would keep only one of them."""
    names: list[str] = []
    for name in rows.column_names:
        numbered = (f"{name}_{number}" for number in itertools.count(1))
        names.append(name if name not in names else next(one for one in numbered if one not in names))
    return rows.rename_columns(names)
