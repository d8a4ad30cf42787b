"""Simulated lakes of many observations of the rankings, for `bench.py --long`.

A year of a slice is one response, as a backfill fetches it, with 50 models and the remainder on each day. It is fetched
several times, and each time the last days are revised.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import numpy as np
import pyarrow as pa

from orchestration.openrouter.schemas import RANKINGS as SCHEMA
from orchestration.openrouter.surfaces import CATEGORIES, CONTEXT_BUCKETS, LANGUAGE_TYPES, MODALITIES, RANKINGS
from orchestration.storage.lake import LAKE_FOLDER, Lake, Provenance

MODELS_PER_DAY = 51  # with the remainder
_DAYS = 366
_MODELS = 400
# The parameter and value of each slice; the first is all rankings.
SLICES = [
    (None, None),
    *(("modality", value) for value in MODALITIES),
    *(("context_bucket", value) for value in CONTEXT_BUCKETS),
    *(("category", value) for value in CATEGORIES),
    *(("language_type", value) for value in LANGUAGE_TYPES),
]


def add_observations(data: Path, first_year: int, years: int, fetches: int) -> int:
    """Add so many years of every slice to a simulated lake, each fetched so many times; returns the number of rows."""
    lake, rows = Lake(data / LAKE_FOLDER), 0
    for year in range(first_year, first_year + years):
        for number, (name, value) in enumerate(SLICES):
            table = _year(year, name, value, seed=year * 100 + number)
            for fetch in range(fetches):
                fetched_at = dt.datetime(year + 1, 1, 8, number % 24, tzinfo=dt.UTC) + dt.timedelta(days=fetch)
                rows += _write(lake, _revised(table, fetch), name, value, year, fetched_at)
    return rows


def _year(year: int, name: str | None, value: str | None, seed: int) -> pa.Table:
    """A year of a slice: tokens follow a power law, and the listed models change slowly."""
    generator = np.random.default_rng(seed)
    begin = np.datetime64(f"{year}-01-01")
    days = np.repeat(begin + np.arange(_DAYS), MODELS_PER_DAY)
    ranks = np.tile(np.arange(MODELS_PER_DAY), _DAYS)
    models = (ranks + np.repeat(np.arange(_DAYS) // 14, MODELS_PER_DAY) * 3) % _MODELS
    names = np.array([f"author{number % 40}/model-{number}-20200101" for number in range(_MODELS)])
    slugs = np.where(ranks == MODELS_PER_DAY - 1, "other", names[models])
    tokens = (1e12 / (ranks + 1) * generator.lognormal(0, 0.2, len(ranks))).astype(np.int64)
    columns = {field.name: pa.nulls(len(days), field.type) for field in SCHEMA}
    columns |= {
        "date": pa.array(days),
        "model_permaslug": pa.array(slugs),
        "total_tokens": pa.array(tokens),
        "period": pa.array(["day"] * len(days)),
    }
    if name:
        columns[name] = pa.array([value] * len(days))
    return pa.table(columns).cast(SCHEMA)


def _revised(table: pa.Table, fetch: int) -> pa.Table:
    """The same year as a later fetch reports it: a little more on the last seven days."""
    tokens = table["total_tokens"].to_numpy().copy()
    tokens[-7 * MODELS_PER_DAY :] += 1_000_003 * fetch
    return table.set_column(
        table.schema.get_field_index("total_tokens"), SCHEMA.field("total_tokens"), pa.array(tokens)
    )


def _write(lake: Lake, table: pa.Table, name: str | None, value: str | None, year: int, fetched_at: dt.datetime) -> int:
    days = table["date"]
    request = {"start_date": str(days[0]), "end_date": str(days[-1]), **({name: value} if name and value else {})}
    written = lake.write(
        RANKINGS.name,
        table,
        Provenance(
            as_of=fetched_at,
            fetched_at=fetched_at,
            request_url=RANKINGS.request_url(request),
            source_url=RANKINGS.source_url,
            citation=RANKINGS.citation.format(as_of=fetched_at.date()),
            licence=RANKINGS.licence,
            payload_sha256=f"{random.Random(f'{year} {value} {fetched_at}').getrandbits(256):064x}",
            schema_version=RANKINGS.schema_version,
            kind="simulated",
            request=request,
        ),
    )
    return table.num_rows if written else 0
