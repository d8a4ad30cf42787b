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
# A model with so much of the tokens should be classified; what is smaller is listed all the same.
_WORTH_CLASSIFYING = 0.01
_SHOWN = 20
_UNCLASSIFIED = """
    SELECT
        model_permaslug,
        sum(share_model.tokens)::BIGINT AS tokens,
        sum(share_model.tokens) / (SELECT sum(total_tokens) FROM days) AS share,
        any_value(model.weights) AS weights,
        any_value(model.size_class) AS size_class,
        coalesce(any_value(author.country), 'unclassified') AS author_country
    FROM share_model
    JOIN days USING (period, period_start)
    JOIN model USING (model_permaslug)
    JOIN author ON author.author = model.author
    GROUP BY model_permaslug
    ORDER BY tokens DESC
"""
_DAYS = """
    SELECT period, period_start, total_tokens FROM traffic_summary
    WHERE period = 'day' AND period_start > (SELECT max(period_start) - 28 FROM traffic_summary WHERE period = 'day')
"""
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


def classified(connection: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
    """How much of the last 28 days' tokens the seeds know, and the models they do not know, by tokens."""
    connection.execute(f"CREATE TEMP TABLE days AS {_DAYS}")
    models = connection.sql(_UNCLASSIFIED)
    [(is_simulated,)] = connection.sql("SELECT bool_or(scope_id = 'simulated') FROM traffic_summary").fetchall()
    known = {
        name: models.filter(f"{name} <> 'unclassified'").aggregate("coalesce(sum(share), 0)").fetchall()[0][0]
        for name in ("weights", "size_class", "author_country")
    }
    unknown = models.filter("'unclassified' IN (weights, size_class, author_country)")
    missing = models.filter(f"'unclassified' IN (weights, author_country) AND share >= {_WORTH_CLASSIFYING}")
    return dg.AssetCheckResult(
        check_name="classified",
        # There is nothing to know of models that do not exist.
        passed=bool(is_simulated) or not missing.fetchall(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **{f"known_{name}_share": dg.MetadataValue.float(float(share)) for name, share in known.items()},
            "unclassified_models": len(unknown.fetchall()),
            "by_tokens": dg.MetadataValue.md(markdown_table(unknown.limit(_SHOWN).to_arrow_table())),
        },
    )


@dg.asset(
    check_specs=[
        dg.AssetCheckSpec(
            "classified",
            asset="published",
            description=(
                "Every model with a hundredth or more of the last 28 days' tokens has its weights and its author's "
                "country in the seeds. Lists what is not classified, by tokens."
            ),
        )
    ],
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
def published(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]  # Dagster wants none
    with failures():
        warehouse = Warehouse(Settings.load().data)
        publication = warehouse.publish(tables())
    scopes: set[str] = set()
    with duckdb.connect(str(publication.folder / FILE_NAME), read_only=True) as connection:
        for node in _NODES:
            shown = describe(node, publication, connection)
            scopes |= {str(shown["scope"].value)} if "scope" in shown else set()
            context.log_event(dg.AssetObservation(asset_key(node), metadata=shown))
        classification = classified(connection)
    listing = "\n".join(f"| {name} | {rows:,} |" for name, rows in publication.rows.items())
    return dg.MaterializeResult(
        check_results=[classification],
        metadata={
            "file": dg.MetadataValue.path(warehouse.published / FILE_NAME),
            "scope": ", ".join(sorted(scopes - {""})),
            "tables": len(publication.rows),
            "rows": sum(publication.rows.values()),
            "bytes": publication.size_bytes,
            "contents": dg.MetadataValue.md(f"| mart | rows |\n| --- | ---: |\n{listing}"),
        },
    )


@dg.definitions
def published_assets() -> dg.Definitions:
    return dg.Definitions(assets=[published])
