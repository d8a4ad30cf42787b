"""What Dagster shows: unbroken lineage, descriptions of everything, and metadata on every materialization."""

import subprocess
import sys
from itertools import pairwise
from typing import Any

import dagster as dg
import pytest
from code_location import definitions
from conftest import PROJECT, Run

from orchestration.definitions import defs
from orchestration.defs import source
from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.audit import CHECKS
from orchestration.publish.catalog import published_tables
from orchestration.publish.freshness import surfaces
from orchestration.publish.report.figures import FIGURES
from orchestration.transform.manifest import MANIFEST
from orchestration.usage.build import MARTS

AssetGraph = Any  # Dagster's own, which it does not export


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    """All assets as they are before the first run, with the source unknown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "known_source", lambda: None)
        return defs().resolve_asset_graph()


def ancestors(graph: AssetGraph, key: dg.AssetKey) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    waiting = [key]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys - found:
            found.add(parent)
            waiting.append(parent)
    return found


def test_definitions_do_not_import_dbt() -> None:
    code = "import sys, orchestration.defs.dbt; print([one for one in sys.modules if one.partition('.')[0] == 'dbt'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8", cwd=PROJECT)
    assert done.stdout == "[]\n"


def test_lineage_from_endpoints_to_release_is_unbroken(graph: AssetGraph) -> None:
    above = ancestors(graph, dg.AssetKey("published"))
    # Only seeds and OpenRouter's endpoints have nothing above them.
    roots = {key for key in graph.get_all_asset_keys() if not graph.get(key).parent_keys}
    assert {key.path[0] for key in roots} == {"openrouter", "seeds"}
    assert {dg.AssetKey(["openrouter", surface]) for surface in SURFACES} <= above
    # Every other asset leads to the release, from which the report is made and own calls are priced.
    made = {dg.AssetKey(name) for name in ("report", "exports")} | {dg.AssetKey(["own", name]) for name in MARTS}
    assert set(graph.get_all_asset_keys()) - above == {dg.AssetKey("published"), *made}
    assert all(graph.get(key).parent_keys == {dg.AssetKey("published")} for key in made)


def test_lineage_passes_through_every_layer(graph: AssetGraph) -> None:
    chain = ["openrouter/rankings", "raw/rankings", "staging/stg_openrouter__rankings"]
    chain += ["intermediate/int_rankings__reported", "intermediate/int_rankings__latest"]
    chain += [
        "intermediate/int_members__observed",
        "intermediate/int_periods__members",
        "marts/share_model",
        "published",
    ]
    keys = [dg.AssetKey.from_user_string(name) for name in chain]
    assert all(upper in graph.get(lower).parent_keys for upper, lower in pairwise(keys))


def test_every_asset_is_described(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        assert node.kinds, key
        assert node.owners or key.path[0] == "openrouter", key


def test_descriptions_contain_no_sql(graph: AssetGraph) -> None:
    described = {key: graph.get(key).description for key in graph.get_all_asset_keys()}
    assert {key for key, text in described.items() if "```" in text or "Raw SQL" in text} == set()
    assert described[dg.AssetKey(["marts", "share_model"])] == (
        "Each listed model's share of all tokens, by day, week and month."
    )


def test_groups_sort_by_stage(graph: AssetGraph) -> None:
    groups = sorted({graph.get(key).group_name for key in graph.get_all_asset_keys()})
    marts = [f"6_marts/{name}" for name in ("entities", "growth", "price", "quality", "share", "spend")]
    assert groups == ["1_openrouter", "2_raw", "3_seeds", "4_staging", "5_intermediate", *marts, "7_published", "8_own"]


def test_no_asset_depends_on_a_later_stage(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        for parent in graph.get(key).parent_keys:
            assert graph.get(parent).group_name[0] <= graph.get(key).group_name[0], (parent, key)


def test_only_own_calls_do_not_use_the_warehouse_pool() -> None:
    pools = {
        assets.op.name: assets.op.pool
        for assets in definitions().assets or []
        if isinstance(assets, dg.AssetsDefinition) and assets.is_executable
    }
    assert pools.pop("own_marts") == "own_usage"
    assert set(pools.values()) == {"warehouse"}


def test_own_calls_are_in_a_job_of_their_own() -> None:
    keys = {
        name: definitions().resolve_job_def(name).asset_layer.selected_asset_keys
        for name in ("refresh", "refresh_prices", "own")
    }
    assert keys["own"] == {dg.AssetKey(["own", name]) for name in MARTS}
    assert not keys["own"] & (keys["refresh"] | keys["refresh_prices"])


def test_exposures_depend_on_the_marts_they_show(manifest: dict) -> None:
    exposed = {
        one["name"]: {name.rpartition(".")[2] for name in one["depends_on"]["nodes"]}
        for one in manifest["exposures"].values()
    }
    shown = {mart for figure in FIGURES for mart in figure.marts}
    assert exposed["published_file"] == {table.name for table in published_tables(MANIFEST)}
    assert exposed["report"] == shown | {"author", "citations", "model", "price_current", "scopes"}


def test_every_raw_column_is_described(graph: AssetGraph) -> None:
    for surface in SURFACES:
        schema = graph.get(dg.AssetKey(["raw", surface])).metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns if not column.description] == [], surface


def test_mart_links_to_its_file_and_data_dictionary(graph: AssetGraph) -> None:
    metadata = graph.get(dg.AssetKey(["marts", "share_model"])).metadata
    assert metadata["code"].value == "models/marts/share/share_model.sql"
    assert metadata["columns_and_units"].value == "docs/data-dictionary.md#share_model"


def test_schedules_are_on_and_in_utc() -> None:
    schedules = {one.name: one for one in definitions().schedules or []}
    assert {name: one.cron_schedule for name, one in schedules.items()} == {
        "refresh_daily": "10 2 * * *",
        "refresh_prices_intraday": "10 8,14,20 * * *",
        "refetch_rankings_weekly": "40 3 * * 1",
    }
    for one in schedules.values():
        assert isinstance(one, dg.ScheduleDefinition)
        assert (one.execution_timezone, one.default_status.value) == ("UTC", "RUNNING")


def test_every_definition_loads_as_in_a_code_location() -> None:
    """An op and a job of one name, for example, are an error only here."""
    definitions().get_repository_def().load_all_definitions()


def test_every_job_runs_in_one_process() -> None:
    jobs = [definitions().resolve_job_def(name) for name in ("refresh", "refresh_prices", "own")]
    jobs.append(definitions().resolve_implicit_global_asset_job_def())
    assert {job.executor_def.name for job in jobs} == {"in_process"}


def test_price_job_fetches_less_and_builds_the_same() -> None:
    whole, prices = (definitions().resolve_job_def(name) for name in ("refresh", "refresh_prices"))
    left_out = {dg.AssetKey(["raw", name]) for name in SURFACES if name not in ("models", "endpoints")}
    keys = [set(job.asset_layer.executable_asset_keys) for job in (whole, prices)]
    assert keys[0] - keys[1] == left_out
    assert keys[1] < keys[0]


def test_only_checks_of_raw_files_block(graph: AssetGraph) -> None:
    for surface in SURFACES:
        checks = {
            key.name: graph.get_check_spec(key).blocking
            for key in graph.get_check_keys_for_assets({dg.AssetKey(["raw", surface])})
        }
        assert checks == {"intact": True, "schema": True, "new_fields": False, "all_due_fetched": False}


def test_audit_checks_block_and_freshness_checks_do_not(graph: AssetGraph) -> None:
    published = {
        key.name: graph.get_check_spec(key).blocking
        for key in graph.get_check_keys_for_assets({dg.AssetKey("published")})
    }
    assert {name for name, blocks in published.items() if blocks} == {check.name for check in CHECKS}
    assert {name for name in published if name.startswith("fresh_")} == {f"fresh_{surface}" for surface in surfaces()}
    # The thresholds of the rankings apply to the keyless export.
    assert set(SURFACES) - set(surfaces()) == {"rankings_export"}


def test_every_mart_has_its_own_blocking_checks(graph: AssetGraph, manifest: dict) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] == "marts":
            key = dg.AssetKey(["marts", node["name"]])
            blocking = {
                check.name for check in graph.get_check_keys_for_assets({key}) if graph.get_check_spec(check).blocking
            }
            for kind in ("has_provenance", "unique_key"):
                assert any(name.startswith(kind) for name in blocking), (node["name"], kind)
            assert f"satisfies_{node['name']}" in blocking
            assert {"scope_id", "source_url", "as_of", "oldest_as_of", "checked_at"} <= node["columns"].keys()


def test_every_check_is_described(graph: AssetGraph) -> None:
    for key in graph.asset_check_keys:
        assert len(graph.get_check_spec(key).description or "") > 30, key


def test_every_materialized_asset_has_a_freshness_policy(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        # Own calls are as old as their logs.
        has_policy = node.is_materializable and key.path[0] != "own"
        assert (node.freshness_policy is not None) == has_policy, key


def test_every_data_test_is_a_check_of_an_asset(graph: AssetGraph, manifest: dict) -> None:
    tests = [node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    checks = {key.name for key in graph.asset_check_keys}
    assert len(tests) >= 51
    assert {name for name in tests if name not in checks} == set()


@pytest.fixture(scope="module")
def instance(everything: Run, dagster_home: object) -> dg.DagsterInstance:  # noqa: ARG001
    return dg.DagsterInstance.from_config(str(dagster_home))


def newest(instance: dg.DagsterInstance, key: list[str]) -> dict[str, dg.MetadataValue]:
    event = instance.get_latest_materialization_event(dg.AssetKey(key))
    assert event is not None
    assert event.asset_materialization is not None
    return dict(event.asset_materialization.metadata)


@pytest.mark.usefixtures("all_recordings")
def test_raw_materialization_summarizes_the_surface(instance: dg.DagsterInstance) -> None:
    rankings = newest(instance, ["raw", "rankings"])
    assert rankings["source"].value == "replay"
    assert rankings["responses"].value == 48
    assert rankings["dagster/row_count"].value == 48 * 1530
    assert (rankings["days_covered"].value, rankings["last_day"].value) == (76, "2026-08-06")
    assert rankings["newest_as_of"].value == "2026-08-07T00:05:19+00:00"
    assert rankings["bytes"].value > 0
    assert "| date |" in rankings["preview"].value
    assert "tencent/hy3" in rankings["preview"].value
    models = newest(instance, ["raw", "models"])
    assert (models["responses"].value, models["last_day"].value) == (142, "2026-08-06")


def test_release_lists_the_rows_of_each_mart(instance: dg.DagsterInstance, everything: Run) -> None:
    published = newest(instance, ["published"])
    assert published["source"].value == "replay"
    rows = {name: len(rows) for name, rows in everything.marts().items()}
    assert (published["tables"].value, published["rows"].value) == (len(rows), sum(rows.values()))
    assert f"| share_model | {rows['share_model']:,} |" in published["contents"].value
    observed = instance.fetch_observations(dg.AssetKey(["marts", "share_model"]), limit=1).records[0]
    shown = observed.asset_observation.metadata
    assert shown["dagster/row_count"].value == rows["share_model"]
    assert shown["newest_as_of"].value == "2026-08-07 00:05:19"
    assert "| period | period_start | model_permaslug |" in shown["preview"].value


def test_column_lineage_reaches_the_raw_columns(instance: dg.DagsterInstance) -> None:
    waiting, seen, roots = [("marts/share_model", "tokens")], set(), set()
    while waiting:
        key, column = waiting.pop()
        if key.startswith("raw/"):
            roots.add((key, column))
        elif (key, column) not in seen and not key.startswith("seeds/"):
            seen.add((key, column))
            lineage = newest(instance, key.split("/"))["dagster/column_lineage"].value
            deps = lineage.deps_by_column.get(column, [])
            waiting += [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
    assert {("raw/rankings", "total_tokens"), ("raw/rankings_export", "total_tokens")} <= roots


def test_column_lineage_is_shown_as_a_table(instance: dg.DagsterInstance) -> None:
    table = newest(instance, ["staging", "stg_openrouter__rankings"])["column_sources"].value
    assert "| tokens | total_tokens of raw/rankings |" in table


def test_nearly_every_column_has_lineage(instance: dg.DagsterInstance, manifest: dict) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    columns = sum(len(node["columns"]) for node in models)
    traced = sum(
        len(newest(instance, [node["schema"], node["name"]])["dagster/column_lineage"].value.deps_by_column)
        for node in models
    )
    # The rest are constants and counts, which come from no column.
    assert traced >= 0.97 * columns
