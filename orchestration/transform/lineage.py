"""Column lineage: which columns each column of a dbt model is computed from.

Parsed from the SQL that dbt compiled, without a database. Lineage between tables is dbt's own, in the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import MappingSchema, exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

_DIALECT = "duckdb"

# Column → the columns it is computed from, each as the unique id of its relation in the manifest, and its name.
SourceColumns = dict[str, list[tuple[str, str]]]


class ColumnLineage:
    """Traces columns through the models, seeds and sources of a manifest."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
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

    def of(self, columns: Iterable[str], compiled_sql: str) -> SourceColumns | None:
        """Source columns of these columns of a model, without columns that have no source, such as constants.

        None if sqlglot cannot parse the SQL: a model without lineage is still a model.
        """
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
