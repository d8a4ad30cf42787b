"""The published release: every table that passed its checks, described and audited, made visible in one step."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from orchestration.defs.dbt import asset_key
from orchestration.defs.markdown import markdown_table, preview
from orchestration.defs.resources import (
    OWNERS,
    POOL,
    code_reference,
    dagster_failures,
    freshness_policy,
    group_name,
    open_lake,
    reject_build,
    source_of,
)
from orchestration.defs.source import show_source
from orchestration.defs.unchanged import current_inputs, unchanged_results
from orchestration.errors import RejectedError, WarehouseError
from orchestration.folders import CLAIM_HISTORY
from orchestration.formatting import timestamp_in_words
from orchestration.ingest.sources import Source
from orchestration.publish.audit import CHECKS, Result
from orchestration.publish.catalog import Node, published_nodes, published_tables
from orchestration.publish.claim_history import record
from orchestration.publish.classification import classify
from orchestration.publish.completion import Completion
from orchestration.publish.exports import FOLDER as EXPORTS_FOLDER
from orchestration.publish.freshness import Measure, measures, surfaces, worst_state
from orchestration.publish.indicators import indicators
from orchestration.publish.price_functions import price_functions
from orchestration.publish.report import BRIEF, FOLDER, PAGE
from orchestration.publish.schema import SCHEMA_FUNCTION
from orchestration.settings import Settings
from orchestration.storage.releases import FILE_NAME, Release, Releases, Table
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST
from orchestration.transform.results import compiled_path

PUBLISHED, REPORT, EXPORTS = (dg.AssetKey(name) for name in ("published", "report", "exports"))
_NODES = published_nodes(MANIFEST)
# Seeds that the audit and the freshness checks read.
_CHECK_SEEDS = [
    node
    for node in MANIFEST["nodes"].values()
    if node["resource_type"] == "seed" and node["name"] in ("freshness", "overclaims", "overclaim_exemptions")
]


def prepare_completion(settings: Settings, tables: Sequence[Table] | None = None) -> Completion:
    """The completion of a release of these tables (default: all that the manifest publishes) in a data folder."""
    return Completion(
        lake=open_lake(settings),
        warehouse=Warehouse(settings.data).path,
        tables=published_tables(MANIFEST) if tables is None else tables,
        sql={
            node["name"]: path.read_text(encoding="utf-8", errors="replace")
            for node in _NODES
            if (path := compiled_path(node, settings.data)).exists()
        },
        source=settings.source,
        clock=source_of(settings).now,
    )


def _table_metadata(
    node: Node, release: Release, connection: duckdb.DuckDBPyConnection
) -> dict[str, dg.MetadataValue[Any]]:
    name = node["name"]
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "dagster/row_count": dg.MetadataValue.int(release.rows[name]),
        "bytes": dg.MetadataValue.int((release.folder / f"{name}.parquet").stat().st_size),
        "preview": dg.MetadataValue.md(preview(connection.table(name).limit(10).to_arrow_table())),
    }
    if "scope_id" in node["columns"] and name != "scopes":
        scopes = connection.table(name).project("scope_id").distinct().fetchall()
        metadata["scope"] = dg.MetadataValue.text(", ".join(sorted(scope for (scope,) in scopes)))
    if "as_of" in node["columns"]:
        [(newest,)] = connection.table(name).max("as_of").fetchall()
        metadata["newest_as_of"] = dg.MetadataValue.text(str(newest))
    return metadata


def _audit_result(result: Result) -> dg.AssetCheckResult:
    sample = "\n\n".join("\n".join(f"- {name}: {value}" for name, value in row.items()) for row in result.sample)
    return dg.AssetCheckResult(
        check_name=result.check.name,
        passed=result.passed,
        metadata={"problems": result.count, "sample": dg.MetadataValue.md(sample or "none")},
    )


def _classification_result(connection: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
    found = classify(connection)
    return dg.AssetCheckResult(
        check_name="classified",
        passed=found.is_complete,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            **{f"known_{name}_share": dg.MetadataValue.float(share) for name, share in found.shares.items()},
            "unclassified_models": found.unclassified_models,
            "by_tokens": dg.MetadataValue.md(preview(found.sample)),
        },
    )


def freshness_results(found: Sequence[Measure], source: Source) -> Iterator[dg.AssetCheckResult]:
    """One result per surface. A surface that was never observed passes, unless the marts need it.

    No run can fetch newer data from recordings, so their age is never an error.
    """
    recorded = (
        f"Recorded data of {timestamp_in_words(source.now)}: old by design. Ages are measured at that time, and a "
        "surface that is too old is only a warning."
    )
    for surface in surfaces():
        of_surface = [measure for measure in found if measure.surface == surface]
        state = worst_state(of_surface, [surface])
        is_error = state == "too old" and not source.is_recorded
        table = markdown_table(
            ("measure", "value", "stale above", "too old above", "unit", "state"),
            [
                (one.name, f"{one.value:.1f}", f"{one.warn_above:g}", f"{one.error_above:g}", one.unit, one.state)
                for one in of_surface
            ],
            numbers=("value", "stale above", "too old above"),
        )
        yield dg.AssetCheckResult(
            check_name=f"fresh_{surface}",
            passed=state == "fresh",
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            description=recorded if source.is_recorded else None,
            metadata={
                "state": state,
                **{one.name: dg.MetadataValue.float(round(one.value, 2)) for one in of_surface},
                "measures": dg.MetadataValue.md(table),
            },
        )


def _published_result(
    release: Release, source: str, file: Path, scopes: set[str], numbers: dict[str, float]
) -> dg.MaterializeResult[Any]:
    contents = markdown_table(
        ("table", "rows"), [(name, f"{rows:,}") for name, rows in release.rows.items()], numbers=("rows",)
    )
    return dg.MaterializeResult(
        asset_key=PUBLISHED,
        metadata={
            "source": source,
            "file": dg.MetadataValue.path(file),
            "release": release.folder.name,
            "scope": ", ".join(sorted(scopes)),
            "tables": len(release.rows),
            "rows": sum(release.rows.values()),
            "bytes": release.size_bytes,
            **numbers,
            "contents": dg.MetadataValue.md(contents),
        },
    )


def _report_result(folder: Path, published: Path) -> dg.MaterializeResult[Any]:
    [brief] = folder.glob(BRIEF)
    return dg.MaterializeResult(
        asset_key=REPORT,
        metadata={
            "page": dg.MetadataValue.path(published / PAGE),
            "bytes": (folder / PAGE).stat().st_size,
            "charts": len(list(folder.glob("*.png"))),
            "brief": dg.MetadataValue.md(brief.read_text(encoding="utf-8")),
        },
    )


def _exports_result(folder: Path, published: Path) -> dg.MaterializeResult[Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = [(path.relative_to(folder).as_posix(), f"{path.stat().st_size:,}") for path in files]
    return dg.MaterializeResult(
        asset_key=EXPORTS,
        metadata={
            "folder": dg.MetadataValue.path(published),
            "bytes": sum(path.stat().st_size for path in files),
            "files": dg.MetadataValue.md(markdown_table(("file", "bytes"), sizes, numbers=("bytes",))),
        },
    )


@dg.multi_asset(
    name="publish",
    specs=[
        dg.AssetSpec(
            PUBLISHED,
            deps=[asset_key(node) for node in (*_NODES, *_CHECK_SEEDS)],
            group_name=group_name("published"),
            kinds={"duckdb", "parquet"},
            owners=OWNERS,
            metadata=code_reference("orchestration/defs/published.py"),
            freshness_policy=freshness_policy(),
            description=(
                "The release for readers: `published/routerscope.duckdb`, one Parquet file per table, "
                "`datapackage.json` and `CITATION.txt`. A release is published only if every blocking check passes. It "
                "replaces the previous one in one step; open connections keep reading the release they opened."
            ),
        ),
        dg.AssetSpec(
            REPORT,
            deps=[PUBLISHED],
            group_name=group_name("published"),
            kinds={"html", "markdown"},
            owners=OWNERS,
            metadata=code_reference("orchestration/publish/report/writer.py"),
            freshness_policy=freshness_policy(),
            description=(
                "The report on the published tables: `published/report/index.html`, one page that works offline, an "
                "image of each chart, and a brief of the newest week in a few cited sentences. Made in the same step."
            ),
        ),
        dg.AssetSpec(
            EXPORTS,
            deps=[PUBLISHED],
            group_name=group_name("published"),
            kinds={"json", "yaml"},
            owners=OWNERS,
            metadata=code_reference("orchestration/publish/exports/__init__.py"),
            freshness_policy=freshness_policy(),
            description=(
                "The published prices in the formats of other tools, in `published/exports/`: genai-prices, Langfuse, "
                "LiteLLM and promptfoo. Made in the same step."
            ),
        ),
    ],
    check_specs=[
        *(dg.AssetCheckSpec(one.name, asset="published", description=one.description, blocking=True) for one in CHECKS),
        *(
            dg.AssetCheckSpec(
                f"fresh_{surface}",
                asset="published",
                description=(
                    f"The published {surface} data is no older than the seed `freshness` allows, by the source's "
                    "clock. Measures the data, not the run. A failure does not block the release. Recordings only warn."
                ),
            )
            for surface in surfaces()
        ),
        dg.AssetCheckSpec(
            "classified",
            asset="published",
            description=(
                "The seeds classify the weights and the author's country of every model with 1% or more of the last "
                "28 days' tokens. Lists the unclassified models by tokens."
            ),
        ),
    ],
    pool=POOL,
    required_resource_keys={"folder"},
)
def published(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]  # Dagster accepts no annotation here
    with dagster_failures():
        settings = Settings.load()
        source = source_of(settings)
        warehouse, releases = Warehouse(settings.data), Releases(settings.data)
        if releases.is_current(current_inputs(settings), warehouse):
            lasting = [dg.AssetCheckKey(PUBLISHED, name) for name in (*(check.name for check in CHECKS), "classified")]
            results = unchanged_results(context.instance, [PUBLISHED, REPORT, EXPORTS], lasting)
            if results is not None:
                try:
                    with duckdb.connect(str(releases.published / FILE_NAME), read_only=True) as connection:
                        found = measures(connection, source.now)
                    context.resources.folder.push_release(context.log.info)  # if a run was killed before it did
                    yield from [*results, *freshness_results(found, source)]
                except duckdb.Error as error:
                    raise WarehouseError(
                        f"The published release {releases.published} cannot be read: {error}. Raw data is untouched. "
                        "Replace the release: make run ARGS=--rebuild"
                    ) from error
                return
        completion = prepare_completion(settings)
        completion.log = context.log.info
        completion.log("copying the tables (step 1 of 3 of publishing)")
        try:
            release = releases.publish(
                warehouse, completion.tables, completion, [*price_functions(MANIFEST), SCHEMA_FUNCTION]
            )
        except RejectedError as error:
            yield from map(_audit_result, completion.results)
            raise reject_build(warehouse, str(error)) from error
    yield from map(_audit_result, completion.results)
    for warning in completion.warnings:
        context.log.warning(warning)
    try:
        record(releases.list(), settings.data / CLAIM_HISTORY)
    except WarehouseError as error:  # the next run records these claims
        context.log.warning(str(error))
    scopes: set[str] = set()
    with duckdb.connect(str(release.folder / FILE_NAME), read_only=True) as connection:
        for node in _NODES:
            metadata = _table_metadata(node, release, connection)
            scopes |= {str(metadata["scope"].value)} - {""} if "scope" in metadata else set()
            context.log_event(dg.AssetObservation(asset_key(node), metadata=metadata))
        yield _classification_result(connection)
        yield from freshness_results(measures(connection, source.now), source)
        numbers = indicators(connection)
    yield _published_result(release, settings.source, releases.published / FILE_NAME, scopes, numbers)
    if not completion.report_error:
        yield _report_result(release.folder / FOLDER, releases.published / FOLDER)
    if not completion.export_error:
        yield _exports_result(release.folder / EXPORTS_FOLDER, releases.published / EXPORTS_FOLDER)
    with dagster_failures():
        context.resources.folder.push_release(context.log.info)
        if problem := completion.report_error or completion.export_error:
            raise problem


@dg.definitions
def published_assets() -> dg.Definitions:
    return dg.Definitions(assets=show_source([published]))
