"""The results of a build in sentences, and the rows that failed checks found."""

import json
from pathlib import Path

import duckdb
import pytest

from orchestration.transform.manifest import MANIFEST, describe_test
from orchestration.transform.results import BuildResults, remove_results

TESTS = [name for name, node in MANIFEST["nodes"].items() if node["resource_type"] == "test"]
BLOCKING = next(name for name in TESTS if MANIFEST["nodes"][name]["config"]["severity"].lower() == "error")
WARNING = next(name for name in TESTS if MANIFEST["nodes"][name]["config"]["severity"].lower() == "warn")
MODEL = next(name for name, node in MANIFEST["nodes"].items() if node["resource_type"] == "model")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    return tmp_path / "warehouse.duckdb"


def results(warehouse: Path, *rows: dict) -> BuildResults:
    (warehouse.parent / "run_results.json").write_text(json.dumps({"results": rows}), encoding="utf-8")
    return BuildResults(warehouse.parent, warehouse)


def found(unique_id: str, rows: int = 2) -> dict:
    """The result of a test that found rows."""
    sql = f"select range as day, 'a' as model from range({rows})"
    return {"unique_id": unique_id, "status": "warn", "failures": rows, "compiled_code": sql, "message": None}


def test_failed_check_is_described_with_a_row_and_its_purpose(warehouse: Path) -> None:
    build = results(warehouse, found(BLOCKING))
    name, purpose = BLOCKING.split(".")[2], describe_test(MANIFEST, MANIFEST["nodes"][BLOCKING])
    assert build.describe_failures() == (
        f"1 of the models and checks failed.\n  {name}: 2 failing rows, such as (day: 0, model: a). {purpose}"
    )


def test_warning_is_no_failure_and_lists_its_rows(warehouse: Path) -> None:
    build = results(warehouse, result := found(WARNING))
    assert build.failed() == []
    assert "such as (day: 0, model: a), (day: 1, model: a). " in build.describe(result, max_rows=10)


def test_failed_model_is_described_with_the_message_of_dbt(warehouse: Path) -> None:
    build = results(warehouse, {"unique_id": MODEL, "status": "error", "message": "Binder Error: no column x\n"})
    assert build.describe_failures().endswith(f"  {MODEL.split('.')[2]}: Binder Error: no column x")


def test_rows_that_cannot_be_read_show_the_error(warehouse: Path) -> None:
    build = results(warehouse, {**found(BLOCKING), "compiled_code": "from missing"})
    assert "Catalog Error" in str(build.sample(build.get(BLOCKING) or {}).to_pylist())


def test_exit_without_results_says_how_many_are_missing(warehouse: Path) -> None:
    results(warehouse, found(BLOCKING))
    remove_results(warehouse.parent)
    build = BuildResults(warehouse.parent, warehouse)
    expected = sum(node["resource_type"] in ("model", "seed", "test") for node in MANIFEST["nodes"].values())
    assert (build.failed(), len(build.missing())) == ([], expected)
    assert build.describe_failures().startswith(f"dbt exited without a result for {expected} models and checks. See ")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "dbt was ended from outside (SIGKILL; the system does that when memory is short) and left "),
        (-15, "dbt was ended from outside (SIGTERM) and left "),
    ],
)
def test_killed_dbt_is_said_to_be_killed(code: int, words: str, warehouse: Path) -> None:
    build = BuildResults(warehouse.parent, warehouse, code)
    assert build.is_killed
    assert build.describe_failures().startswith(words)
    assert build.describe_failures().endswith("Run again: everything is rebuilt from the raw data.")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"results": [3]}', b'{"results": [{}]}', b"[" * 9999]
)
def test_garbage_in_the_results_counts_as_none(content: bytes, warehouse: Path) -> None:
    (warehouse.parent / "run_results.json").write_bytes(content)
    assert BuildResults(warehouse.parent, warehouse).is_empty
