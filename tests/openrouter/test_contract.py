"""Surfaces, schemas and raw views against the official description and against every recording."""

import datetime as dt
import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml
from conftest import PROJECT

from orchestration.errors import ResponseError
from orchestration.openrouter import schemas, surfaces
from orchestration.openrouter.contract import CONTRACT, differences
from orchestration.openrouter.surfaces import (
    APPS,
    BENCHMARKS,
    ENDPOINTS,
    MODELS,
    RANKINGS,
    RANKINGS_EXPORT,
    SESSION_COST,
    SURFACES,
    TASKS,
    Response,
    Surface,
)
from orchestration.storage.lake import PROVENANCE

FETCHED_AT = dt.datetime(2026, 8, 8, tzinfo=dt.UTC)


def schema_of(contract: dict, name: str) -> dict[str, Any]:
    return contract["components"]["schemas"][name]


JSON_SURFACES = [surface for surface in SURFACES.values() if surface is not RANKINGS_EXPORT]
CONTRACT_PATHS = {"endpoints": "/models/{author}/{slug}/endpoints"}


def examples(contract: dict, surface: Surface) -> list[dict[str, Any]]:
    """All examples in the contract of a surface's body."""
    path = CONTRACT_PATHS.get(surface.name, surface.path)
    response = contract["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    schema = response["schema"]
    named = schema_of(contract, schema["$ref"].split("/")[-1]) if "$ref" in schema else schema
    found = [one["example"] for one in (response, schema, named) if "example" in one]
    if surface is BENCHMARKS:
        # Each source has rows of its own shape.
        of = [schema_of(contract, one["$ref"].split("/")[-1]) for one in named["properties"]["data"]["items"]["oneOf"]]
        rows = [
            one.get("example")
            or {name: field["example"] for name, field in one["properties"].items() if "example" in field}
            for one in of
        ]
        found += [{"data": [{"source": "openrouter", **row} for row in rows], "meta": found[0]["meta"]}]
    if surface is ENDPOINTS:
        found += [{"data": schema_of(contract, "ListEndpointsResponse")["example"]}]
        found = [{one["data"]["id"]: one} for one in found]
    return found


@pytest.mark.parametrize("surface", JSON_SURFACES, ids=lambda surface: surface.name)
def test_examples_of_the_contract_are_parsed(contract: dict, surface: Surface) -> None:
    found = examples(contract, surface)
    assert found
    for body in found:
        (body.get("links") or {}).pop("next", None)
        body.pop("total_count", None)  # the example counts more models than it lists
        parsed = surface.parse(Response("the contract's example", json.dumps(body).encode(), FETCHED_AT))
        assert parsed.table.num_rows >= 1
        new = {name for extra in parsed.table.column("extra").to_pylist() if extra for name in json.loads(extra)}
        assert new <= surface.untyped


def test_every_price_of_the_contract_has_a_column(contract: dict) -> None:
    for name in ("PublicPricing", "PricingOverride"):
        conditions = {"overrides", "min_prompt_tokens", "utc_start", "utc_end"}
        assert schema_of(contract, name)["properties"].keys() - conditions <= set(schemas.PRICES)


def test_every_field_of_a_model_is_typed_or_known(contract: dict) -> None:
    nested = {"architecture", "pricing", "top_provider"}
    fields = schema_of(contract, "Model")["properties"].keys()
    assert fields <= {*schemas.MODELS.names, *MODELS.untyped, *nested}


@pytest.mark.parametrize(
    ("surface", "item", "elsewhere"),
    [
        (ENDPOINTS, "PublicEndpoint", {"pricing"}),
        (APPS, "AppRankingsItem", set()),
        (TASKS, "TaskClassificationItem", set()),
        (SESSION_COST, "SessionCostItem", set()),
        (BENCHMARKS, "UnifiedBenchmarksAAItem", {"pricing"}),
        (BENCHMARKS, "UnifiedBenchmarksDAItem", {"pricing"}),
        (BENCHMARKS, "UnifiedBenchmarksORItem", set()),
        (BENCHMARKS, "UnifiedBenchmarksSearchItem", set()),
    ],
)
def test_every_field_of_the_contract_is_typed_or_known(
    contract: dict, surface: Surface, item: str, elsewhere: set[str]
) -> None:
    assert schema_of(contract, item)["properties"].keys() - elsewhere <= {*surface.schema.names, *surface.untyped}


def test_parameter_values_are_those_of_the_contract(contract: dict) -> None:
    def allowed(path: str, name: str) -> set[str]:
        [parameter] = [one for one in contract["paths"][path]["get"]["parameters"] if one["name"] == name]
        return set(parameter["schema"]["enum"])

    assert set(surfaces.MODALITIES) == allowed(RANKINGS.path, "modality")
    assert set(surfaces.CONTEXT_BUCKETS) == allowed(RANKINGS.path, "context_bucket")
    assert set(surfaces.CATEGORIES) == allowed(RANKINGS.path, "category")
    assert set(surfaces.LANGUAGE_TYPES) == allowed(RANKINGS.path, "language_type")
    assert set(surfaces.APP_CATEGORIES) == allowed(APPS.path, "category")
    assert set(surfaces.BENCHMARK_SOURCES) == allowed(BENCHMARKS.path, "source")


@pytest.mark.parametrize("surface", [surface for surface in SURFACES.values() if surface.pages])
def test_page_limits_are_those_of_the_contract(contract: dict, surface: Surface) -> None:
    limits = {one["name"]: one["schema"] for one in contract["paths"][surface.path]["get"]["parameters"]}
    assert surface.pages is not None
    assert surface.pages.limit == limits["limit"]["maximum"]
    assert surface.pages.max_offset == limits["offset"].get("maximum")


def test_every_slice_of_the_contract_has_a_column(contract: dict) -> None:
    parameters = {one["name"] for one in contract["paths"][RANKINGS.path]["get"]["parameters"]}
    assert parameters - {"start_date", "end_date"} <= set(schemas.RANKINGS.names)


def test_recordings_are_all_there(all_recordings: Path) -> None:
    recorded = {name: len(list((all_recordings / one.recordings).glob("*.json.gz"))) for name, one in SURFACES.items()}
    found = {name: count for name, count in recorded.items() if count}
    assert found == {"rankings": 48, "models": 143, "endpoints": 22, "apps": 129, "providers": 1}


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_recordings_are_parsed_without_new_fields(recordings: Path, surface: Surface) -> None:
    """Of every tenth recording and the newest; the run of all recordings parses the others."""
    recorded = sorted((recordings / surface.recordings).glob("*.json.gz"))
    for path in {*recorded[::10], *recorded[-1:]}:
        payload = gzip.decompress(path.read_bytes())
        parsed = surface.parse(Response(path.name, payload, FETCHED_AT))
        assert parsed.table.schema.equals(surface.schema)
        body = json.loads(payload)
        assert parsed.table.num_rows == (_expected_endpoint_rows(body) if surface is ENDPOINTS else len(body["data"]))
        new = {name for extra in parsed.table.column("extra").to_pylist() if extra for name in json.loads(extra)}
        assert new <= surface.untyped, path.name


def _expected_endpoint_rows(body: dict) -> int:
    """Endpoints in a body, plus the models that have none."""
    return sum(max(len(response["data"]["endpoints"]), 1) for response in body.values())


def test_recorded_snapshot_is_parsed(all_recordings: Path) -> None:
    """The recorded CSV has three of the 30 days, so the manifest is adapted to it; the rest is as recorded."""
    folder = all_recordings / "exports"
    csv = (folder / "rankings-daily.sample.csv").read_bytes()
    manifest = json.loads((folder / "latest.manifest.rankings-daily.2026-10-08.json").read_text(encoding="utf-8"))
    fetched_at = dt.datetime(2026, 10, 8, 12, tzinfo=dt.UTC)
    with pytest.raises(ResponseError, match="its manifest lists 122881 bytes"):
        RANKINGS_EXPORT.parse(Response("an extract", csv, fetched_at, manifest=json.dumps(manifest).encode()))
    manifest["files"]["csv"] |= {"bytes": len(csv), "sha256": hashlib.sha256(csv).hexdigest()}
    manifest["row_count"] = 153
    parsed = RANKINGS_EXPORT.parse(Response("an extract", csv, fetched_at, manifest=json.dumps(manifest).encode()))
    assert parsed.table.num_rows == 153
    assert parsed.table.schema.equals(RANKINGS_EXPORT.schema)
    assert parsed.table.column("extra").null_count == 153
    rows = parsed.table.to_pylist()
    others = [row for row in rows if row["model_permaslug"] == "other"]
    assert (others[0]["rank"], others[0]["total_tokens"]) == (None, 1499940793698)
    for date in {row["date"] for row in rows}:
        day = [row for row in rows if row["date"] == date]
        total = sum(row["total_tokens"] for row in day)
        assert all(row["share_of_daily_tokens"] == pytest.approx(row["total_tokens"] / total, abs=1e-12) for row in day)


def source_columns(table: str) -> dict[str, str]:
    sources = yaml.safe_load((PROJECT / "models" / "staging" / "_sources.yml").read_text(encoding="utf-8"))["sources"][
        0
    ]["tables"]
    [columns] = [source["columns"] for source in sources if source["name"] == table]
    return {column["name"]: column["data_type"] for column in columns}


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_raw_view_has_the_columns_of_the_arrow_schema(surface: Surface) -> None:
    empty = pa.schema([*surface.schema, *PROVENANCE]).empty_table()
    arrow = {name: kind for name, kind, *_ in duckdb.sql("describe from empty").fetchall()}  # reads the local above
    assert empty.num_rows == 0
    view = source_columns(surface.name)
    assert view.keys() == {*arrow, "raw_file"}
    types = {name: duckdb.sql(f"select typeof(null::{kind})").fetchall()[0][0] for name, kind in view.items()}
    # The views show timestamps in UTC without a time zone.
    utc = {name: kind.replace(" WITH TIME ZONE", "") for name, kind in arrow.items()}
    assert {name: types[name] for name in arrow} == utc


def shipped_contract(contract: dict) -> dict[str, Any]:
    """The response schemas of the surfaces, with the schemas to which they refer, without texts and examples."""
    left: list[str] = []
    shipped: dict[str, Any] = {"properties": {}, "$defs": {}}

    def stripped(schema: Any) -> Any:
        if isinstance(schema, list):
            return [stripped(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[-1]
            left.append(name)
            return {"$ref": f"#/$defs/{name}"}
        kept = {name: value for name, value in schema.items() if name not in ("example", "format")}
        if "properties" in kept:
            kept["properties"] = {name: stripped(one) for name, one in kept["properties"].items()}
        return {name: value if name == "properties" else stripped(value) for name, value in kept.items()}

    for surface in JSON_SURFACES:
        path = CONTRACT_PATHS.get(surface.name, surface.path)
        response = contract["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        shipped["properties"][surface.name] = stripped(response["schema"])
    while left:
        name = left.pop()
        if name not in shipped["$defs"]:
            shipped["$defs"][name] = None
            shipped["$defs"][name] = stripped(schema_of(contract, name))
    return shipped


def test_shipped_contract_is_the_official_one(contract: dict) -> None:
    """With UPDATE_DOCS set, it is written."""
    shipped = json.dumps(shipped_contract(contract), sort_keys=True, separators=(",", ":")) + "\n"
    if os.environ.get("UPDATE_DOCS"):
        CONTRACT.write_text(shipped, encoding="utf-8")
    assert CONTRACT.read_text(encoding="utf-8") == shipped


@pytest.mark.parametrize("surface", [surfaces.MODELS, surfaces.PROVIDERS, RANKINGS, APPS], ids=lambda one: one.name)
def test_newest_recording_agrees_with_the_contract(all_recordings: Path, surface: Surface) -> None:
    newest = max((all_recordings / surface.recordings).glob("*.json.gz"))
    assert differences(surface, json.loads(gzip.decompress(newest.read_bytes()))) == []
