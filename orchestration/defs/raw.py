"""Raw assets, one per surface. Each fetches what is due and stores every response in the lake as immutable Parquet.

Parsing belongs to the surface, storage to the lake. The only check here is `all_due_fetched`; whether the lake has what
the marts need is in `ingest.readiness`, and checks of the stored responses are in `raw_checks`.
"""

import datetime as dt
import time

import dagster as dg
import pyarrow as pa

from orchestration.defs.markdown import preview
from orchestration.defs.resources import (
    OWNERS,
    POOL,
    code_reference,
    dagster_failures,
    freshness_policy,
    group_name,
    open_lake,
    source_of,
)
from orchestration.defs.source import show_source
from orchestration.ingest.load import LoadResult, load_surface
from orchestration.ingest.readiness import MAX_PROBLEMS_SHOWN, check_readiness
from orchestration.ingest.sources import Source, fetch_options
from orchestration.ingest.summary import summarize
from orchestration.openrouter.surfaces import RANKINGS, SURFACES, Surface
from orchestration.settings import BASE_URL, Settings
from orchestration.storage.lake import PROVENANCE, Lake
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST

FETCH_CHECK = "all_due_fetched"


def endpoint_key(surface: Surface) -> dg.AssetKey:
    """Key of the external asset for the surface's API endpoint."""
    return dg.AssetKey(["openrouter", surface.name])


def raw_key(surface: Surface) -> dg.AssetKey:
    """Key of the asset for the surface's files in the lake."""
    return dg.AssetKey(["raw", surface.name])


def describe(surface: Surface, lake: Lake) -> dict[str, dg.MetadataValue]:
    """Metadata on the data that the lake holds for a surface."""
    summary = summarize(surface, lake)
    if summary is None:
        return {"dagster/row_count": dg.MetadataValue.int(0), "responses": dg.MetadataValue.int(0)}
    return {
        "dagster/row_count": dg.MetadataValue.int(summary.rows),
        "responses": dg.MetadataValue.int(summary.responses),
        "days_covered": dg.MetadataValue.int(len(summary.days)),
        "first_day": dg.MetadataValue.text(min(summary.days, default="none")),
        "last_day": dg.MetadataValue.text(max(summary.days, default="none")),
        "newest_as_of": dg.MetadataValue.text(summary.newest_as_of),
        "kind": dg.MetadataValue.text(summary.kind),
        "bytes": dg.MetadataValue.int(summary.bytes),
        "newest_request": dg.MetadataValue.url(summary.request_url),
        "citation": dg.MetadataValue.text(summary.citation),
        "preview": dg.MetadataValue.md(preview(summary.preview)),
    }


def _later_responses(surface: Surface, lake: Lake, source: Source) -> dict[str, dg.MetadataValue]:
    """How many of the lake's recordings are later than the clock: a run with a later clock loaded them."""
    if not source.is_recorded:
        return {}
    fetched = (dt.datetime.fromisoformat(response["fetched_at"]) for response in lake.responses(surface.name))
    return {"responses_after_clock": dg.MetadataValue.int(sum(one > source.now for one in fetched))}


def column_schema(surface: Surface) -> dg.TableSchema:
    """Columns and types of the surface's files, with the descriptions that dbt has for the raw view over them."""
    [view] = [source for source in MANIFEST["sources"].values() if source["name"] == surface.name]
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                item.name,
                str(item.type)[:60],
                description=view["columns"].get(item.name, {}).get("description"),
                constraints=dg.TableColumnConstraints(nullable=item.nullable),
            )
            for item in pa.schema([*surface.schema, *PROVENANCE])
        ]
    )


class FetchConfig(dg.Config):
    """What to fetch in addition to what is due: days (YYYY-MM-DD; both or neither), or all days of the rankings."""

    start_date: str = ""
    end_date: str = ""
    refetch: bool = False


def _result_metadata(result: LoadResult, seconds: float) -> dict[str, dg.MetadataValue]:
    return {
        "requests_planned": dg.MetadataValue.int(result.requests_planned),
        "requests_made": dg.MetadataValue.int(result.requests_made),
        "requests_deferred": dg.MetadataValue.int(result.requests_deferred),
        "new_responses": dg.MetadataValue.int(result.responses_added),
        "minutes": dg.MetadataValue.float(round(seconds / 60, 2)),
    }


def _fetch_check(result: LoadResult, metadata: dict[str, dg.MetadataValue]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=FETCH_CHECK,
        passed=not (result.problems or result.requests_deferred),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"problems": "\n\n".join(result.problems[:MAX_PROBLEMS_SHOWN]) or "none", **metadata},
    )


def _raw_asset(surface: Surface, priority: int) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(surface),
        deps=[endpoint_key(surface)],
        group_name=group_name("raw"),
        kinds={"parquet"},
        owners=OWNERS,
        freshness_policy=freshness_policy(surface.name),
        pool=POOL,
        op_tags={"dagster/priority": str(priority)},
        required_resource_keys={"folder"},
        check_specs=[
            dg.AssetCheckSpec(
                FETCH_CHECK,
                asset=raw_key(surface),
                description="Everything due was fetched and parsed. Problems and deferred requests are listed.",
            )
        ],
        description=(
            f"Every response of `{surface.path}`, each as one immutable Parquet file with its provenance. "
            f"Licence: {surface.licence}." + (" Fetched only with a key." if surface.needs_key else "")
        ),
        metadata={
            "dagster/column_schema": column_schema(surface),
            "cite": dg.MetadataValue.url(surface.source_url),
            **code_reference("orchestration/openrouter/surfaces.py"),
            "endpoint": dg.MetadataValue.url(BASE_URL + surface.path),
        },
    )
    def raw(context: dg.AssetExecutionContext, config: FetchConfig):  # type: ignore[no-untyped-def]  # Dagster wants none
        with dagster_failures():
            settings = Settings.load()
            lake = open_lake(settings)
            lake.remove_unfinished_writes()
            if completed := lake.complete_ledger():
                context.log.info(completed)
            source = source_of(settings)
            started = time.monotonic()
            options = fetch_options(source, config.start_date, config.end_date, config.refetch)
            try:
                result = load_surface(surface, source, lake, options, context.log.info)
            finally:  # nothing that was fetched may be lost, whatever happens next
                context.resources.folder.push_raw(surface.name, context.log.info)
            if result.responses_added:
                Warehouse(settings.data).withdraw_approval()
            in_this_run = context.job_def.asset_layer.executable_asset_keys
            check_readiness(surface, source, lake, result, includes_rankings=raw_key(RANKINGS) in in_this_run)
            for problem in result.problems:
                context.log.warning(problem)
            metadata = _result_metadata(result, time.monotonic() - started)
            return dg.MaterializeResult(
                metadata={
                    "source": settings.source,
                    **metadata,
                    **describe(surface, lake),
                    **_later_responses(surface, lake, source),
                },
                check_results=[_fetch_check(result, metadata)],
            )

    return raw


@dg.definitions
def raw_assets() -> dg.Definitions:
    surfaces = list(SURFACES.values())
    assets = [_raw_asset(surface, len(surfaces) - rank) for rank, surface in enumerate(surfaces)]
    return dg.Definitions(assets=show_source(assets))
