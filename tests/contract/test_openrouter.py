"""Surfaces, schemas and raw views against the official description and against every recording."""

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml
from conftest import PROJECT

from orchestration.lake import PROVENANCE
from orchestration.openrouter import schemas
from orchestration.openrouter.surfaces import MODELS, RANKINGS, SURFACES, Observation, Surface

MOMENT = dt.datetime(2026, 8, 7, tzinfo=dt.UTC)


def schema_of(contract: dict, name: str) -> dict[str, Any]:
    return contract["components"]["schemas"][name]


@pytest.mark.parametrize("surface", [RANKINGS, MODELS], ids=lambda surface: surface.name)
def test_the_contracts_own_example_is_read(contract: dict, surface: Surface) -> None:
    response = contract["paths"][surface.path]["get"]["responses"]["200"]["content"]["application/json"]
    body = response.get("example") or schema_of(contract, "ModelsListResponse")["example"]
    (body.get("links") or {}).pop("next", None)
    answer = surface.read(Observation("the contract's example", json.dumps(body).encode(), MOMENT))
    assert answer.table.num_rows == len(body["data"])
    known = {json.loads(extra).keys() <= surface.untyped for extra in answer.table.column("extra").to_pylist() if extra}
    assert known <= {True}


def test_every_price_of_the_contract_has_a_column(contract: dict) -> None:
    for name in ("PublicPricing", "PricingOverride"):
        conditions = {"overrides", "min_prompt_tokens", "utc_start", "utc_end"}
        assert schema_of(contract, name)["properties"].keys() - conditions <= set(schemas.PRICES)


def test_every_field_of_a_model_is_typed_or_known(contract: dict) -> None:
    nested = {"architecture", "pricing", "top_provider"}
    fields = schema_of(contract, "Model")["properties"].keys()
    assert fields <= {*schemas.MODELS.names, *MODELS.untyped, *nested}


def test_every_slice_of_the_contract_has_a_column(contract: dict) -> None:
    parameters = {one["name"] for one in contract["paths"][RANKINGS.path]["get"]["parameters"]}
    assert parameters - {"start_date", "end_date"} <= set(schemas.RANKINGS.names)


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_every_recording_is_read_without_a_field_that_is_new(recordings: Path, surface: Surface) -> None:
    paths = sorted((recordings / surface.recordings).glob("*.json.gz"))
    assert len(paths) == {"rankings": 48, "models": 143}[surface.name]
    for path in paths:
        payload = gzip.decompress(path.read_bytes())
        answer = surface.read(Observation(path.name, payload, MOMENT))
        assert answer.table.schema.equals(surface.schema)
        assert answer.table.num_rows == len(json.loads(payload)["data"])
        new = {name for extra in answer.table.column("extra").to_pylist() if extra for name in json.loads(extra)}
        assert new <= surface.untyped, path.name


def source_columns(table: str) -> dict[str, str]:
    sources = yaml.safe_load((PROJECT / "models" / "staging" / "_sources.yml").read_text())["sources"][0]["tables"]
    [columns] = [source["columns"] for source in sources if source["name"] == table]
    return {column["name"]: column["data_type"] for column in columns}


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_the_raw_view_has_the_columns_of_the_arrow_schema(surface: Surface) -> None:
    empty = pa.schema([*surface.schema, *PROVENANCE]).empty_table()
    arrow = {name: kind for name, kind, *_ in duckdb.sql("describe from empty").fetchall()}  # reads the local above
    assert empty.num_rows == 0
    view = source_columns(surface.name)
    assert view.keys() == {*arrow, "raw_file"}
    types = {name: duckdb.sql(f"select typeof(null::{kind})").fetchall()[0][0] for name, kind in view.items()}
    # Moments are shown in UTC without a zone.
    utc = {name: kind.replace(" WITH TIME ZONE", "") for name, kind in arrow.items()}
    assert {name: types[name] for name in arrow} == utc
