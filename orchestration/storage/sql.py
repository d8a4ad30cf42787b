"""Helpers for SQL in Python: values, names and paths in SQL text, and the rows of a result. No query of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb


def quoted(identifier: str) -> str:
    """An identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value, such as a path, as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def file_pattern(path: Path) -> str:
    """A path for DuckDB's file readers, with its own `[`, `*` and `?` escaped so that they match only themselves.

    Parameters need this too: DuckDB expands patterns in every file name it reads.
    """
    return re.sub(r"([*?[])", r"[\1]", str(path))


def rows_as_dicts(result: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """The rows of a relation, or of the statement that a connection executed last: column → value."""
    columns = [column[0] for column in result.description or []]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
