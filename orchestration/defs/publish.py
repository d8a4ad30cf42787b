"""The published file: every mart that passed its checks, in one step.

How files are swapped is the warehouse's business. A mart is what stands in the schema `marts`; the seed `scopes`
is published with them.
"""

from typing import Any

import dagster as dg
import duckdb

from orchestration.defs.raw import markdown_table
from orchestration.defs.resources import OWNERS, POOL, failures
from orchestration.defs.transform import MANIFEST, asset_key
from orchestration.settings import Settings
from orchestration.warehouse import FILE_NAME, Publication, Table, Warehouse

PUBLISHED_SEEDS = ("scopes",)
_NODES: list[dict[str, Any]] = [
    node
    for node in MANIFEST["nodes"].values()
    if (node["resource_type"] == "model" and node["schema"] == "marts")
    or (node["resource_type"] == "seed" and node["name"] in PUBLISHED_SEEDS)
]


def tables() -> list[Table]:
    """The tables to publish, by name, with their documentation."""
    return sorted(
        (
            Table(
                name=node["name"],
                schema=node["schema"],
                description=node["description"],
                columns={name: column["description"] for name, column in node["columns"].items()},
            )
            for node in _NODES
        ),
        key=lambda table: table.name,
    )


def describe(
    node: dict[str, Any], publication: Publication, connection: duckdb.DuckDBPyConnection
) -> dict[str, dg.MetadataValue[Any]]:
    """What a person wants to know of a published table."""
    name = node["name"]
    shown: dict[str, dg.MetadataValue[Any]] = {
        "dagster/row_count": dg.MetadataValue.int(publication.rows[name]),
        "bytes": dg.MetadataValue.int((publication.folder / f"{name}.parquet").stat().st_size),
        "preview": dg.MetadataValue.md(markdown_table(connection.table(name).limit(10).to_arrow_table())),
    }
    if "scope_id" in node["columns"] and name != "scopes":
        scopes = connection.table(name).project("scope_id").distinct().fetchall()
        shown["scope"] = dg.MetadataValue.text(", ".join(sorted(scope for (scope,) in scopes)))
    if "as_of" in node["columns"]:
        [(newest,)] = connection.table(name).max("as_of").fetchall()
        shown["newest_as_of"] = dg.MetadataValue.text(str(newest))
    return shown


@dg.asset(
    deps=[asset_key(node) for node in _NODES],
    group_name="published",
    kinds={"duckdb", "parquet"},
    owners=OWNERS,
    pool=POOL,
    description=(
        "What people read: `published/routerscope.duckdb` and one Parquet file a mart. Only a build that passed every "
        "blocking check gets here; it replaces the one before in one step, and readers of that one keep reading it."
    ),
)
def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    with failures():
        warehouse = Warehouse(Settings.load().data)
        publication = warehouse.publish(tables())
    scopes: set[str] = set()
    with duckdb.connect(str(publication.folder / FILE_NAME), read_only=True) as connection:
        for node in _NODES:
            shown = describe(node, publication, connection)
            scopes |= {str(shown["scope"].value)} if "scope" in shown else set()
            context.log_event(dg.AssetObservation(asset_key(node), metadata=shown))
    listing = "\n".join(f"| {name} | {rows:,} |" for name, rows in publication.rows.items())
    return dg.MaterializeResult(
        metadata={
            "file": dg.MetadataValue.path(warehouse.published / FILE_NAME),
            "scope": ", ".join(sorted(scopes - {""})),
            "tables": len(publication.rows),
            "rows": sum(publication.rows.values()),
            "bytes": publication.size_bytes,
            "contents": dg.MetadataValue.md(f"| mart | rows |\n| --- | ---: |\n{listing}"),
        }
    )


@dg.definitions
def published_assets() -> dg.Definitions:
    return dg.Definitions(assets=[published])
