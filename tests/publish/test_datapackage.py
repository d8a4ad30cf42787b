"""The description of a release: a valid data package for programs, and a citation file for people."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Run
from frictionless import Package, Schema
from frictionless.resources import TableResource

from orchestration.folders import PROJECT_DIR
from orchestration.publish.datapackage import CITATION, PACKAGE, SAMPLE, SCOPE_OF, SIMULATED, unit_of
from orchestration.storage.files import sha256

MAX_VALIDATED_ROWS = 200
EMPTY_ON_RECORDINGS = {"session_cost"}


@pytest.fixture(scope="module")
def package(everything: Run) -> dict:
    return json.loads((everything.data / "published" / PACKAGE).read_text(encoding="utf-8"))


def test_package_is_valid(package: dict) -> None:
    assert list(Package.metadata_validate(package)) == []
    assert len([one for one in package["resources"] if not one["path"].startswith(("report/", "exports/"))]) == 32


def test_every_table_matches_its_schema(everything: Run, package: dict) -> None:
    """Given rows: frictionless reads Parquet through pandas, and does not support lists there."""
    for table in package["resources"]:
        if "schema" in table:
            parquet = pq.ParquetFile(everything.data / "published" / table["path"])
            rows = next(
                parquet.iter_batches(MAX_VALIDATED_ROWS), pa.RecordBatch.from_pylist([], parquet.schema_arrow)
            ).to_pylist()
            resource = TableResource(data=rows, schema=Schema.from_descriptor(table["schema"])) if rows else None
            problems = [error.message for task in resource.validate().tasks for error in task.errors] if rows else []
            assert problems == [], table["name"]
            assert [field["name"] for field in table["schema"]["fields"]] == parquet.schema_arrow.names
            assert table["rows"] == parquet.metadata.num_rows


def test_every_file_has_its_size_and_hash(everything: Run, package: dict) -> None:
    folder = (everything.data / "published").resolve()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    described = {one["path"]: one for one in package["resources"]}
    assert described.keys() == files.keys() - {PACKAGE, CITATION}
    for name, one in described.items():
        assert (one["bytes"], one["hash"]) == (files[name].stat().st_size, f"sha256:{sha256(files[name])}")


@pytest.mark.usefixtures("all_recordings")
def test_tables_have_keys_sources_citations_and_units(package: dict) -> None:
    tables = {one["name"]: one for one in package["resources"] if "schema" in one}
    for name, table in tables.items():
        fields = {field["name"]: field for field in table["schema"]["fields"]}
        assert all(field["description"] for field in fields.values()), name
        assert set(table["schema"]["primaryKey"]) <= fields.keys()
        if name != "scopes":
            assert table.get("citation") or name in EMPTY_ON_RECORDINGS, name
            assert table["surfaces"], name
    spend = {field["name"]: field.get("unit") for field in tables["spend_model"]["schema"]["fields"]}
    assert spend["prompt_usd_per_mtok"] == "USD per million tokens"
    assert (spend["spend_low"], spend["tokens"], spend["price_age_hours"]) == ("USD", "tokens", "hours")
    assert spend["model_permaslug"] is None
    assert {one["name"] for one in package["licenses"]} == {"CC-BY-4.0", "none stated"}


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("share_change_28d_pp", "percentage points"),
        ("share_of_named", "fraction"),
        ("growth_7d_without_top_app", "fraction"),
        ("prompt_usd_per_mtok_per_index_point", "USD per million tokens and index point"),
        ("endpoint_prompt_usd_per_mtok_median", "USD per million tokens"),
        ("throughput_30m_p50_tokens_per_second", "tokens per second"),
        ("doubling_days_low", "days"),
        ("hhi_model_low", "points of 10,000"),
        ("rank", None),
        ("author", None),
    ],
)
def test_units_follow_from_column_names(column: str, unit: str | None) -> None:
    assert unit_of(column) == unit


def test_citation_file_has_scope_citations_and_licences(everything: Run) -> None:
    text = (everything.data / "published" / CITATION).read_text(encoding="utf-8")
    assert "Tokens routed through OpenRouter's public models." in text
    assert "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z." in text
    assert "rankings (licence: CC BY 4.0" in text
    assert SIMULATED not in text


def test_simulated_data_is_marked_in_both_files(simulated: Run) -> None:
    folder = Path(simulated.data / "published")
    package = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))
    assert package["is_simulated"]
    assert package["title"].startswith("SIMULATED")
    assert (folder / CITATION).read_text(encoding="utf-8").startswith(SIMULATED)


def test_sample_is_stated_in_both_files(sampled: Run) -> None:
    folder = Path(sampled.data / "published")
    package = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))
    assert not package["is_simulated"]
    assert package["made"]["source"] == "sample"
    assert package["description"].startswith(SAMPLE)
    assert (folder / CITATION).read_text(encoding="utf-8").startswith(SAMPLE)


def test_scopes_are_those_of_the_models() -> None:
    macros = (PROJECT_DIR / "dbt_project" / "macros" / "requests.sql").read_text(encoding="utf-8")
    macro = macros.partition("macro scope_id(")[2].partition("endmacro")[0]
    assert dict(re.findall(r"when '(\w+)' then '(\w+)'", macro)) == SCOPE_OF
