"""Lakes of many invented observations of the rankings, for `bench.py --long`.

A year of a slice is one response, as a backfill fetches it, with 50 models and the remainder on each day. It is fetched
several times, and each time the last days are revised.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.openrouter.schemas import RANKINGS as SCHEMA
from orchestration.openrouter.surfaces import CONTEXT_BUCKETS, MODALITIES, RANKINGS
from orchestration.storage.lake import LAKE_FOLDER, Lake, Provenance, read_metadata
from orchestration.storage.sql import literal

MODELS_PER_DAY = 51  # with the remainder
_DAYS = 366
_MODELS = 400
# The parameter and value of each slice that has exact figures for each day; the first is all rankings.
SLICES = [
    (None, None),
    *(("modality", value) for value in MODALITIES),
    *(("context_bucket", value) for value in CONTEXT_BUCKETS),
]


def add_observations(data: Path, first_year: int, years: int, fetches: int) -> int:
    """Add so many years of every slice to a lake, each fetched so many times; returns the number of rows."""
    lake, rows = Lake(data / LAKE_FOLDER), 0
    address = _address(lake)
    for year in range(first_year, first_year + years):
        for fetch in range(fetches):
            fetched_at = dt.datetime(year + 1, 1, 8, tzinfo=dt.UTC) + dt.timedelta(days=fetch)
            rows += _add_responses(lake, address, dt.date(year, 1, 1), _DAYS, fetch, fetched_at)
    return rows


def add_day(data: Path, day: dt.date) -> int:
    """Add a day of every slice, fetched on the day after it; returns the number of rows."""
    fetched_at = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
    lake = Lake(data / LAKE_FOLDER)
    return _add_responses(lake, _address(lake), day, 1, 0, fetched_at)


def _address(lake: Lake) -> str:
    """That of all responses of the lake: those of a simulated lake are of one simulated world."""
    return str(read_metadata(lake.files(RANKINGS.name)[0])["request_url"]).partition(RANKINGS.path)[0]


def _add_responses(lake: Lake, address: str, begin: dt.date, days: int, fetch: int, fetched_at: dt.datetime) -> int:
    return sum(
        _write(
            lake, _drawn(begin, days, name, value, fetch), name, value, address, fetched_at + dt.timedelta(hours=number)
        )
        for number, (name, value) in enumerate(SLICES)
    )


# Tokens follow a power law, and the listed models change slowly. A later fetch reports a little more on the last days.
_RESPONSE = f"""
    select
        cast($begin as date) + cast(day as integer) as date,
        case when rank = {MODELS_PER_DAY - 1} then 'other'
            else 'author' || model % 40 || '/model-' || model || '-20200101' end as model_permaslug,
        cast(1e12 / (rank + 1) * (0.8 + hash(rank, day, $slice) % 1000 / 2500) as bigint)
            + case when day >= $days - 7 then 1000003 * $fetch else 0 end as total_tokens,
        'day' as period,
        {{columns}}
        null as extra
    from range($days) as days (day)
    cross join range({MODELS_PER_DAY}) as ranks (rank)
    cross join lateral (select (rank + day // 14 * 3) % {_MODELS} as model) as listed
    order by day, rank
"""


def _drawn(begin: dt.date, days: int, name: str | None, value: str | None, fetch: int) -> pa.Table:
    """Days of a slice as one fetch reports them."""
    dimensions = ("modality", "context_bucket", "category", "language_type")
    columns = " ".join(f"{literal(value)} as {one}," if one == name else f"null as {one}," for one in dimensions)
    given = {"begin": begin, "days": days, "slice": f"{begin.year} {value}", "fetch": fetch}
    with duckdb.connect() as connection:
        return connection.sql(_RESPONSE.format(columns=columns), params=given).to_arrow_table().cast(SCHEMA)


def _write(
    lake: Lake, table: pa.Table, name: str | None, value: str | None, address: str, fetched_at: dt.datetime
) -> int:
    days = table["date"]
    request = {"start_date": str(days[0]), "end_date": str(days[-1]), **({name: value} if name and value else {})}
    written = lake.write(
        RANKINGS.name,
        table,
        Provenance(
            as_of=fetched_at,
            fetched_at=fetched_at,
            request_url=RANKINGS.request_url(request, address),
            source_url=RANKINGS.source_url,
            citation=RANKINGS.citation.format(as_of=fetched_at.date()),
            licence=RANKINGS.licence,
            payload_sha256=f"{random.Random(f'{request} {fetched_at}').getrandbits(256):064x}",
            schema_version=RANKINGS.schema_version,
            kind=lake.kind,
            request=request,
        ),
    )
    return table.num_rows if written else 0
