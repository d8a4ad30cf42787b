"""dbt's unit tests, and what every model must have: documented columns, a unit test, and for marts a contract."""

import re
import shutil
import subprocess
from pathlib import Path

import duckdb
from conftest import PROJECT, Run, environment

from orchestration.transform import DBT_PROGRAM, DBT_PYTHON, WARN_ONLY
from orchestration.transform.manifest import share_parse_state

PROVENANCE = ["scope_id", "source_url", "as_of", "oldest_as_of", "checked_at"]


def models(manifest: dict, schema: str | None = None) -> list[dict]:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return [node for node in nodes if schema in (None, node["schema"])]


def run_unit_tests(data: Path, folder: Path, target: Path, *options: str) -> int:
    """Run dbt's unit tests of a target on the warehouse of a data folder; returns their number if all pass."""
    log = ["--no-use-colors", "--log-path", str(folder / "logs"), "--log-level-file", "info", "--no-write-json"]
    arguments = [*log, "test", "--select", "test_type:unit"]
    finished = subprocess.run(
        [DBT_PYTHON, *DBT_PROGRAM, *arguments, "--target-path", str(target), *options],
        cwd=PROJECT,
        env=environment(folder, ROUTERSCOPE_DATA_DIR=data),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-8000:]
    found = re.search(r"(\d+) unit tests", finished.stdout)
    assert found
    return int(found[1])


def test_dbt_unit_tests_pass(few_run: Run, manifest: dict, tmp_path: Path) -> None:
    """All unit tests of the models: their fixtures are the only data, the warehouse of a run has the columns."""
    data, target = tmp_path / "data", tmp_path / "target"
    data.mkdir()
    shutil.copy(few_run.data / "warehouse.duckdb", data)
    share_parse_state(target)
    assert run_unit_tests(data, tmp_path, target, *WARN_ONLY) == len(manifest["unit_tests"])


def test_new_data_folder_has_nothing_parsed_again(few_run: Run) -> None:
    log = (few_run.data / "dbt" / "dbt.log").read_text(encoding="utf-8")
    assert "StatsLine" in log
    assert "Unable to do partial parsing" not in log


def test_every_model_has_a_unit_test(manifest: dict) -> None:
    tested = {node["model"] for node in manifest["unit_tests"].values()}
    assert {node["name"] for node in models(manifest)} == tested


def test_documented_columns_equal_built_columns(manifest: dict, everything: Run) -> None:
    with duckdb.connect(str(everything.data / "warehouse.duckdb"), read_only=True) as connection:
        built: dict[tuple[str, str], list[str]] = {}
        for schema, table, column in connection.sql(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = 'warehouse' "
            "order by schema_name, table_name, column_index"
        ).fetchall():
            built.setdefault((schema, table), []).append(column)
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    for node in nodes:
        assert list(node["columns"]) == built[node["schema"], node["name"]], node["name"]
        assert all(column["description"].strip() for column in node["columns"].values()), node["name"]
        assert node["description"].strip(), node["name"]


def test_marts_have_contract_key_and_provenance(manifest: dict) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    for mart in models(manifest, "marts"):
        assert mart["contract"]["enforced"], mart["name"]
        assert list(mart["columns"])[-5:] == PROVENANCE, mart["name"]
        names = {test["test_metadata"]["name"] for test in tests if test.get("attached_node") == mart["unique_id"]}
        assert {"unique_key", "has_provenance"} <= names, mart["name"]


def test_release_contains_only_marts(manifest: dict, everything: Run) -> None:
    marts = {node["name"] for node in models(manifest, "marts")} | {"scopes"}
    assert {name for (name,) in everything.query("select table_name from duckdb_tables()")} == marts
    files = {path.name for path in (everything.data / "published").iterdir()}
    documents = {"datapackage.json", "CITATION.txt", "report", "exports"}
    assert files == {"routerscope.duckdb"} | documents | {f"{name}.parquet" for name in marts}


def test_verified_seed_rows_have_evidence(everything: Run, manifest: dict) -> None:
    with duckdb.connect(str(everything.data / "warehouse.duckdb"), read_only=True) as connection:
        seeds = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "seed"}
        for seed in seeds - {"simulated_authors"}:  # fictional, so without evidence
            unverifiable = connection.sql(
                f"select count(*) from seeds.{seed} where status = 'verified' "
                "and (evidence_url is null or checked_on is null)"
            ).fetchall()
            assert unverifiable == [(0,)], seed


def test_every_surface_reaches_a_mart_with_figures(manifest: dict) -> None:
    """Coverage, provenance and citations list responses; a surface that reaches only those publishes no figure."""
    marts = {
        name for name, node in manifest["nodes"].items() if node["resource_type"] == "model" and "marts" in node["fqn"]
    }
    lists_of_responses = {f"model.routerscope.{name}" for name in ("coverage", "provenance", "citations")}
    for source in manifest["sources"]:
        reached, waiting = set(), [source]
        while waiting:
            children = {child for child in manifest["child_map"][waiting.pop()] if child.startswith("model.")} - reached
            reached |= children
            waiting += children
        assert reached & marts - lists_of_responses, source
