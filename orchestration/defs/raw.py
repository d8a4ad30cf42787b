"""Raw assets: one a surface, each taking in the responses that the lake does not hold yet.

How a response is read is the surface's business, how it is kept the lake's. Nothing is judged here.
"""

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.defs.resources import OWNERS, POOL, failures, open_lake, open_source
from orchestration.errors import ResponseError
from orchestration.lake import PROVENANCE, Lake, Provenance, read_metadata
from orchestration.openrouter.replay import Replay
from orchestration.openrouter.surfaces import BASE_URL, SURFACES, Answer, Observation, Surface
from orchestration.settings import Settings


def endpoint_key(surface: Surface) -> dg.AssetKey:
    """Key of the external asset that stands for the surface's endpoint."""
    return dg.AssetKey(["openrouter", surface.name])


def raw_key(surface: Surface) -> dg.AssetKey:
    return dg.AssetKey(["raw", surface.name])


def provenance(surface: Surface, observation: Observation, answer: Answer) -> Provenance:
    return Provenance(
        as_of=answer.as_of,
        fetched_at=observation.fetched_at,
        request_url=surface.request_url(answer.params),
        source_url=surface.source_url,
        citation=surface.citation.format(as_of=answer.as_of.strftime("%Y-%m-%dT%H:%M:%SZ")),
        licence=surface.licence,
        payload_sha256=observation.payload_sha256,
        schema_version=surface.schema_version,
        request=answer.params,
        envelope=answer.envelope,
    )


def take_in(surface: Surface, source: Replay, lake: Lake, context: dg.AssetExecutionContext) -> int:
    """Write every response of the source that the lake lacks; returns how many there were.

    Raises ResponseError naming those that cannot be read, after all others are written, or if there is none at all;
    LakeError at once.
    """
    recordings = source.recordings(surface)
    added, unreadable = 0, []
    for number, recording in enumerate(recordings, start=1):
        try:
            observation = recording.observe()
            if observation.payload_sha256 in lake.payloads(surface.name, observation.fetched_at):
                continue
            answer = surface.read(observation)
        except ResponseError as error:
            unreadable.append(str(error))
            continue
        if lake.write(surface.name, answer.table, provenance(surface, observation, answer)):
            added += 1
        if added and number % 25 == 0:
            context.log.info(f"{surface.name}: {number} of {len(recordings)} responses read")
    if unreadable:
        raise ResponseError("\n".join([*unreadable, "Replace each by a whole one, or take it away, and run again."]))
    if not lake.files(surface.name):
        raise ResponseError(
            f"The source has no response of {surface.path}, and the lake holds none. The marts need both rankings and "
            "models, so nothing is built; what was published before is as it was. Give a source that has them."
        )
    return added


def describe(surface: Surface, lake: Lake) -> dict[str, dg.MetadataValue]:
    """What a person wants to know of a surface in the lake."""
    files = lake.files(surface.name)
    held = [read_metadata(path) for path in files]
    newest = max(range(len(held)), key=lambda place: held[place]["as_of"])
    table = pq.ParquetFile(files[newest]).read()
    days = {row["fetched_at"][:10] for row in held}
    if "date" in table.column_names:
        days = set().union(*(_days(path) for path in files))
        table = table.filter(pc.equal(table.column("date"), pc.max(table.column("date"))))
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(int(row["rows"]) for row in held)),
        "responses": dg.MetadataValue.int(len(files)),
        "days_covered": dg.MetadataValue.int(len(days)),
        "first_day": dg.MetadataValue.text(min(days)),
        "last_day": dg.MetadataValue.text(max(days)),
        "newest_as_of": dg.MetadataValue.text(held[newest]["as_of"]),
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


def markdown_table(table: pa.Table) -> str:
    """The first columns of a small table, for Dagster's pages."""
    shown = table.select(table.column_names[:6])
    rows = [
        [str(value)[:60].replace("|", "\\|").replace("\n", " ") for value in row.values()] for row in shown.to_pylist()
    ]
    lines = [shown.column_names, ["---"] * shown.num_columns, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                item.name, str(item.type)[:60], constraints=dg.TableColumnConstraints(nullable=item.nullable)
            )
            for item in schema
        ]
    )


def _raw_asset(surface: Surface) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(surface),
        deps=[endpoint_key(surface)],
        group_name="raw",
        kinds={"parquet"},
        owners=OWNERS,
        pool=POOL,
        description=(
            f"Every response of `{surface.path}` ever observed, one immutable Parquet file each, "
            f"with where it came from. Licence: {surface.licence}."
        ),
        metadata={
            "dagster/column_schema": column_schema(pa.schema([*surface.schema, *PROVENANCE])),
            "source": dg.MetadataValue.url(surface.source_url),
            "endpoint": dg.MetadataValue.url(BASE_URL + surface.path),
        },
    )
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with failures():
            settings = Settings.load()
            lake = open_lake(settings)
            lake.check_kind()
            lake.sweep()
            added = take_in(surface, open_source(settings), lake, context)
            return dg.MaterializeResult(metadata={"requests": added, **describe(surface, lake)})

    return raw


@dg.definitions
def raw_assets() -> dg.Definitions:
    return dg.Definitions(assets=[_raw_asset(surface) for surface in SURFACES.values()])
