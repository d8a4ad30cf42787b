"""Run one read-only SQL statement over a published release, or over the marts about a user's own calls.

The command line writes the rows to a terminal or a file, the MCP server sends the first ones to its client.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from orchestration.access.release import PublishedRelease, units_of
from orchestration.errors import QueryError
from orchestration.publish.price_functions import TABLES_READ

_ALLOWED = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_ROWS_PER_BATCH = 2048


class Readable(Protocol):
    """Tables to read: a connection to files that are open already."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection: ...


def run_query(tables: Readable, sql: str) -> pa.Table:
    """The rows of one SELECT or EXPLAIN, with unique column names. It can read no other files than those of `tables`.

    Raises QueryError for any other statement, and if the statement fails.
    """
    with _as_query_errors("Without SQL, the command lists the tables."):
        return _with_unique_names(_select(tables, sql).to_arrow_table())


def first_rows(tables: Readable, sql: str, limit: int) -> tuple[pa.Table, int]:
    """The first rows that `run_query` would return, and the number of all rows. Only the first ones are kept in memory.

    Raises QueryError as `run_query` does.
    """
    with _as_query_errors("Nothing was changed."):
        reader = _select(tables, sql).to_arrow_reader(_ROWS_PER_BATCH)
        kept, total = [], 0
        for batch in reader:
            if total < limit:
                kept.append(batch.slice(0, limit - total))
            total += batch.num_rows
        return _with_unique_names(pa.Table.from_batches(kept, reader.schema)), total


def _select(tables: Readable, sql: str) -> duckdb.DuckDBPyRelation:
    tables.connection.execute("set enable_external_access = false; set python_enable_replacements = false")
    statements = tables.connection.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"The query must be one statement, not {len(statements)}. Nothing was run.")
    if statements[0].type not in _ALLOWED:
        raise QueryError("Only SELECT and EXPLAIN are allowed: the tables are read-only. Nothing was changed.")
    relation = tables.connection.sql(sql)
    if relation is None:
        raise QueryError("The statement returns no rows. Nothing was changed. Use SELECT or EXPLAIN.")
    return relation


@contextmanager
def _as_query_errors(advice: str) -> Iterator[None]:
    """Errors of DuckDB as QueryError. Arrow raises OSError for those that occur while rows are read."""
    try:
        yield
    except (duckdb.OutOfMemoryException, pa.ArrowMemoryError) as error:
        raise QueryError(
            "The query needs more memory than it may use. Nothing was changed. Select fewer rows or columns, or "
            "aggregate before you sort or join."
        ) from error
    except (duckdb.Error, OSError, pa.ArrowException) as error:
        raise QueryError(f"The query failed: {error}\n{advice}") from error


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
