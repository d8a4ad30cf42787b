"""Raw assets: one a surface, each taking in the responses that the lake does not hold yet.

How a response is read is the surface's business, how it is kept the lake's. Nothing is judged here.
"""

import time

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.defs.resources import (
    OWNERS,
    POOL,
    code_reference,
    dagster_failures,
    freshness_policy,
    open_lake,
    source_of,
)
from orchestration.errors import ResponseError
from orchestration.ingest.load import LoadResult, load_surface
from orchestration.ingest.sources import Source, fetch_options
from orchestration.openrouter.surfaces import (
    MODELS,
    RANKINGS,
    RANKINGS_EXPORT,
    SURFACES,
    Surface,
)
from orchestration.settings import BASE_URL, Settings
from orchestration.storage.lake import PROVENANCE, Lake
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST

_SHOWN = 20


def endpoint_key(surface: Surface) -> dg.AssetKey:
    """Key of the external asset that stands for the surface's endpoint."""
    return dg.AssetKey(["openrouter", surface.name])


def raw_key(surface: Surface) -> dg.AssetKey:
    return dg.AssetKey(["raw", surface.name])


def describe(surface: Surface, lake: Lake) -> dict[str, dg.MetadataValue]:
    """What a person wants to know of a surface in the lake."""
    files, held = lake.files(surface.name), lake.responses(surface.name)
    if not held:
        return {"dagster/row_count": dg.MetadataValue.int(0), "responses": dg.MetadataValue.int(0)}
    newest = max(range(len(held)), key=lambda one: held[one]["as_of"])
    table = pq.ParquetFile(files[newest]).read()
    days = {told["as_of"][:10] for told in held}
    if "date" in surface.schema.names:
        days = set().union(*(_days(path) for path in files))
        table = table.filter(pc.equal(table.column("date"), pc.max(table.column("date"))))
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(int(told["rows"]) for told in held)),
        "responses": dg.MetadataValue.int(len(files)),
        "days_covered": dg.MetadataValue.int(len(days)),
        "first_day": dg.MetadataValue.text(min(days, default="none")),
        "last_day": dg.MetadataValue.text(max(days, default="none")),
        "newest_as_of": dg.MetadataValue.text(held[newest]["as_of"]),
        "kind": dg.MetadataValue.text(held[newest]["kind"]),
        "bytes": dg.MetadataValue.int(sum(path.stat().st_size for path in files)),
        "newest_request": dg.MetadataValue.url(held[newest]["request_url"]),
        "citation": dg.MetadataValue.text(held[newest]["citation"]),
        "preview": dg.MetadataValue.md(markdown_table(_own_columns(table.slice(0, 10)))),
    }


def _days(path: object) -> set[str]:
    dates = pq.ParquetFile(path).read(columns=["date"]).column("date")
    return {str(date) for date in dates.unique().to_pylist()}


def _own_columns(table: pa.Table) -> pa.Table:
    """Without provenance, and without what this response leaves empty."""
    names = [name for name in table.column_names if name not in PROVENANCE.names and not table.column(name).null_count]
    return table.select(names)


def markdown_table(table: pa.Table, columns: int = 6) -> str:
    """The first columns of a small table, for Dagster's pages."""
    shown = table.select(table.column_names[:columns])
    rows = [
        [str(value)[:60].replace("|", "\\|").replace("\n", " ") for value in row.values()] for row in shown.to_pylist()
    ]
    lines = [shown.column_names, ["---"] * shown.num_columns, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def column_schema(surface: Surface) -> dg.TableSchema:
    """Columns and types of its files, in the words in which dbt describes the views over them."""
    [view] = [one for one in MANIFEST["sources"].values() if one["name"] == surface.name]
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


class Fetch(dg.Config):
    """What to ask for beyond what is due: days (YYYY-MM-DD; both or neither), or all days of the rankings again."""

    start_date: str = ""
    end_date: str = ""
    refetch: bool = False


def _end_if_nothing_can_be_built(surface: Surface, source: Source, lake: Lake, taken: LoadResult) -> None:
    """Raises ResponseError where the marts would lack what they all rest on."""
    if taken.fatal:
        more = [f"… and {len(taken.fatal) - _SHOWN} more."] if len(taken.fatal) > _SHOWN else []
        last = f"Without {surface.name}, nothing is built. Mend it, and run again."
        raise ResponseError("\n".join([*taken.fatal[:_SHOWN], *more, last]))
    if not source.is_essential(surface):
        return
    if surface is MODELS and not lake.files(MODELS.name):
        missing = MODELS.path
    elif surface is not MODELS and not (lake.files(RANKINGS.name) or lake.files(RANKINGS_EXPORT.name)):
        missing = RANKINGS.path
    else:
        return
    raise ResponseError(
        f"The source has no response of {missing}, and the lake holds none. The marts need both rankings and models, "
        "so nothing is built; what was published before is as it was. Give a source that has them."
    )


def _raw_asset(surface: Surface, importance: int) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(surface),
        deps=[endpoint_key(surface)],
        group_name="raw",
        kinds={"parquet"},
        owners=OWNERS,
        freshness_policy=freshness_policy(surface.name),
        pool=POOL,
        op_tags={"dagster/priority": str(importance)},
        required_resource_keys={"folder"},
        check_specs=[
            dg.AssetCheckSpec(
                "answered",
                asset=raw_key(surface),
                description="Everything that was due was asked for, answered and read. What was not is listed.",
            )
        ],
        description=(
            f"Every response of `{surface.path}` ever observed, one immutable Parquet file each, "
            f"with where it came from. Licence: {surface.licence}."
            + (" Asked for with a key only." if surface.needs_key else "")
        ),
        metadata={
            "dagster/column_schema": column_schema(surface),
            "cite": dg.MetadataValue.url(surface.source_url),
            **code_reference("orchestration/openrouter/surfaces.py"),
            "endpoint": dg.MetadataValue.url(BASE_URL + surface.path),
        },
    )
    def raw(context: dg.AssetExecutionContext, config: Fetch):  # type: ignore[no-untyped-def]  # Dagster wants none
        with dagster_failures():
            settings = Settings.load()
            lake = open_lake(settings)
            lake.sweep()
            if completed := lake.complete_ledger():
                context.log.info(completed)
            source = source_of(settings)
            started = time.monotonic()
            options = fetch_options(source, config.start_date, config.end_date, config.refetch)
            taken = load_surface(surface, source, lake, options, context.log.info)
            if taken.added:
                Warehouse(settings.data).withdraw_approval()
            _end_if_nothing_can_be_built(surface, source, lake, taken)
            is_asked_for = raw_key(RANKINGS) in context.job_def.asset_layer.executable_asset_keys
            if not (is_asked_for or lake.files(RANKINGS.name) or lake.files(RANKINGS_EXPORT.name)):
                raise ResponseError(
                    f"{lake.root} holds no rankings yet, and this run asks for none. The marts need them, so nothing "
                    "is built; what was taken in is kept. Run the whole job `refresh` first."
                )
            for problem in taken.problems:
                context.log.warning(problem)
            told = {
                "requests_planned": dg.MetadataValue.int(taken.planned),
                "requests": dg.MetadataValue.int(taken.asked),
                "new_responses": dg.MetadataValue.int(taken.added),
                "left_for_later": dg.MetadataValue.int(taken.left),
                "minutes": dg.MetadataValue.float(round((time.monotonic() - started) / 60, 2)),
            }
            answered = dg.AssetCheckResult(
                check_name="answered",
                passed=not (taken.problems or taken.left),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"problems": "\n\n".join(taken.problems[:_SHOWN]) or "none", **told},
            )
            return dg.MaterializeResult(metadata={**told, **describe(surface, lake)}, check_results=[answered])

    return raw


@dg.definitions
def raw_assets() -> dg.Definitions:
    surfaces = list(SURFACES.values())
    return dg.Definitions(assets=[_raw_asset(one, len(surfaces) - rank) for rank, one in enumerate(surfaces)])
