"""Column lineage: which columns each column of a dbt model is computed from.

Parsed from the SQL that dbt compiled, without a database. Lineage between tables is dbt's own, in the manifest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlglot import MappingSchema, exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from orchestration.storage.files import read_json, write_atomically

_DIALECT = "duckdb"

# Column → the columns it is computed from, each as the unique id of its relation in the manifest, and its name.
SourceColumns = dict[str, list[tuple[str, str]]]


class ColumnLineage:
    """Traces columns through the models, seeds and sources of a manifest.

    `kept` is a file for what was traced, because tracing all models takes seconds. Whatever the file holds of another
    manifest or another sqlglot, or if it is damaged, is traced again.
    """

    def __init__(self, manifest: Mapping[str, Any], kept: Path) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        schema: dict[str, Any] = {}
        nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
        for node in [*nodes, *manifest["sources"].values()]:
            table = node.get("alias") or node["identifier"]
            self._ids[node["schema"], table] = node["unique_id"]
            # Only names matter for lineage, not types.
            columns = dict.fromkeys(node["columns"], "varchar")
            schema.setdefault(node["database"], {}).setdefault(node["schema"], {})[table] = columns
        self._schema = MappingSchema(schema, dialect=_DIALECT)
        self._kept = kept
        self._basis = _digest([schema, sorted(self._ids.items()), version("sqlglot")])
        self._traced: dict[str, SourceColumns | None] = self._read()
        self._is_saved = True

    def _read(self) -> dict[str, SourceColumns | None]:
        with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
            found = read_json(self._kept)
            if found["basis"] == self._basis and found["digest"] == _digest(found["traced"]):
                return {
                    key: sources and {column: [(one, name) for one, name in deps] for column, deps in sources.items()}
                    for key, sources in found["traced"].items()
                }
        return {}

    def save(self) -> None:
        """Keep what was traced. Without a file that can be written, it is traced again next time."""
        if not self._is_saved:
            content = {"basis": self._basis, "digest": _digest(self._traced), "traced": self._traced}
            with contextlib.suppress(OSError):
                write_atomically(self._kept, json.dumps(content).encode())
            self._is_saved = True

    def of(self, columns: Iterable[str], compiled_sql: str) -> SourceColumns | None:
        """Source columns of these columns of a model, without columns that have no source, such as constants.

        None if sqlglot cannot parse the SQL: a model without lineage is still a model.
        """
        columns = list(columns)
        key = _digest([columns, compiled_sql])
        if key not in self._traced:
            self._traced[key] = self._trace(columns, compiled_sql)
            self._is_saved = False
        return self._traced[key]

    def _trace(self, columns: Iterable[str], compiled_sql: str) -> SourceColumns | None:
        try:
            # Trimming would generate a query for each column, which is not needed here.
            found = lineage(None, compiled_sql, schema=self._schema, dialect=_DIALECT, trim_selects=False)
        except SqlglotError:
            return None
        sources = {column: self._sources(found[column]) for column in columns if column in found}
        return {column: deps for column, deps in sources.items() if deps}

    def _sources(self, column: Any) -> list[tuple[str, str]]:
        found = {
            (self._ids[leaf.source.db, leaf.source.name], leaf.name.rsplit(".", 1)[-1].strip('"'))
            for leaf in column.walk()
            if isinstance(leaf.source, exp.Table) and (leaf.source.db, leaf.source.name) in self._ids
        }
        return sorted((unique_id, name) for unique_id, name in found if name != "*")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
