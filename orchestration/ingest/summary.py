"""A summary of the data that the lake holds for one surface.

The metadata of the raw assets shows it. Which days are due is in `coverage` and `planner`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.openrouter.surfaces import Surface
from orchestration.storage.lake import PROVENANCE, Lake

MAX_PREVIEW_ROWS = 10


@dataclass(frozen=True)
class SurfaceSummary:
    """One surface in the lake.

    `days` are dates of the rows (YYYY-MM-DD, ascending), or of the responses' `as_of` where rows have no date. The
    other fields from `newest_as_of` on describe the newest response; `preview` has its first rows of the newest date,
    without the provenance columns and without columns that contain nulls.
    """

    rows: int
    responses: int
    bytes: int
    days: list[str]
    newest_as_of: str
    kind: str
    request_url: str
    citation: str
    preview: pa.Table


def summarize(surface: Surface, lake: Lake) -> SurfaceSummary | None:
    """The summary of a surface; None if the lake has no response of it."""
    files, responses = lake.files(surface.name), lake.responses(surface.name)
    if not responses:
        return None
    newest = max(range(len(responses)), key=lambda number: responses[number]["as_of"])
    table = pq.ParquetFile(files[newest]).read()
    days = {response["as_of"][:10] for response in responses}
    if "date" in surface.schema.names:
        days = set().union(*(_dates(path) for path in files))
        table = table.filter(pc.equal(table.column("date"), pc.max(table.column("date"))))
    return SurfaceSummary(
        rows=sum(int(response["rows"]) for response in responses),
        responses=len(files),
        bytes=sum(path.stat().st_size for path in files),
        days=sorted(days),
        newest_as_of=responses[newest]["as_of"],
        kind=responses[newest]["kind"],
        request_url=responses[newest]["request_url"],
        citation=responses[newest]["citation"],
        preview=_preview(table.slice(0, MAX_PREVIEW_ROWS)),
    )


def _dates(path: Path) -> set[str]:
    dates = pq.ParquetFile(path).read(columns=["date"]).column("date")
    return {str(date) for date in dates.unique().to_pylist()}


def _preview(table: pa.Table) -> pa.Table:
    names = [name for name in table.column_names if name not in PROVENANCE.names and not table.column(name).null_count]
    return table.select(names)
