"""What the lineage needs beyond Dagster's own: OpenRouter's endpoints, the list of responses, and column lineage.

Column lineage is read off the SQL that dbt compiled, without a database. Which asset is built from which is
known to Dagster by itself and does not belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from sqlglot import MappingSchema, exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from orchestration.defs.raw import endpoint_key, raw_key
from orchestration.defs.resources import OWNERS
from orchestration.openrouter.surfaces import SURFACES
from orchestration.settings import BASE_URL

_DIALECT = "duckdb"


class ColumnLineage:
    """Which columns each column of a dbt model is computed from, as keys and columns of Dagster assets."""

    def __init__(self, manifest: Mapping[str, Any], asset_key: Callable[[Mapping[str, Any]], dg.AssetKey]) -> None:
        self._keys: dict[tuple[str, str], dg.AssetKey] = {}
        schema: dict[str, Any] = {}
        nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
        for node in [*nodes, *manifest["sources"].values()]:
            table = node.get("alias") or node["identifier"]
            self._keys[node["schema"], table] = asset_key(node)
            # Only names matter for lineage, not types.
            columns = dict.fromkeys(node["columns"], "varchar")
            schema.setdefault(node["database"], {}).setdefault(node["schema"], {})[table] = columns
        self._schema = MappingSchema(schema, dialect=_DIALECT)

    def of(self, columns: Mapping[str, Any], compiled_sql: str) -> dg.TableColumnLineage | None:
        """Lineage of the columns in that SQL; None if the SQL is beyond the parser, which harms nothing else."""
        try:
            # Untrimmed: what would be trimmed is the text of each column's query, which nobody reads here.
            found = lineage(None, compiled_sql, schema=self._schema, dialect=_DIALECT, trim_selects=False)
        except SqlglotError:
            return None
        sources = {column: self._sources(found[column]) for column in columns if column in found}
        return dg.TableColumnLineage({column: deps for column, deps in sources.items() if deps})

    def _sources(self, column: Any) -> list[dg.TableColumnDep]:
        found = {
            (self._keys[leaf.source.db, leaf.source.name], leaf.name.rsplit(".", 1)[-1].strip('"'))
            for leaf in column.walk()
            if isinstance(leaf.source, exp.Table) and (leaf.source.db, leaf.source.name) in self._keys
        }
        return [dg.TableColumnDep(key, name) for key, name in sorted(found, key=str) if name != "*"]


def as_table(lineage: dg.TableColumnLineage) -> str:
    """The lineage as Markdown, a line a column."""
    lines = [
        f"| {column} | {', '.join(f'{dep.column_name} of {dep.asset_key.to_user_string()}' for dep in deps)} |"
        for column, deps in lineage.deps_by_column.items()
    ]
    return "\n".join(["| column | is made of |", "| --- | --- |", *lines])


@dg.definitions
def external_assets() -> dg.Definitions:
    endpoints = [
        dg.AssetSpec(
            endpoint_key(surface),
            group_name="openrouter",
            kinds={"api"},
            description=f"OpenRouter's public endpoint `{surface.path}`. Not ours: observed, never written.",
            metadata={
                "endpoint": dg.MetadataValue.url(BASE_URL + surface.path),
                "cite": dg.MetadataValue.url(surface.source_url),
                "licence": surface.licence,
            },
        )
        for surface in SURFACES.values()
    ]
    observations = dg.AssetSpec(
        ["raw", "responses"],
        deps=[raw_key(surface) for surface in SURFACES.values()],
        group_name="raw",
        kinds={"parquet"},
        owners=OWNERS,
        description="One row a response, read from the metadata of its Parquet file.",
    )
    return dg.Definitions(assets=[*endpoints, observations])
