"""A run that finds nothing new builds nothing, keeps the release, and keeps Dagster's view of it fresh."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
from conftest import Run, replay

from orchestration.defs.dbt import NOTHING_NEW, dbt_models
from orchestration.defs.published import PUBLISHED, REPORT


def evaluations(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> dict[dg.AssetCheckKey, Mapping[str, dg.MetadataValue]]:
    """The metadata of each check that a run has evaluated or repeated."""
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.dagster_event.asset_check_evaluation_data for entry in entries if entry.dagster_event]
    return {one.asset_check_key: one.metadata for one in found}


def test_run_with_nothing_new_keeps_the_release(
    few_run: Run, started_from_few: Path, few: Path, tmp_path: Path
) -> None:
    data, home = started_from_few, Path(shutil.copytree(few_run.data.parent / "home", tmp_path / "home"))
    release, built = (data / "published").resolve(), (data / "warehouse.duckdb").stat().st_mtime_ns

    run = replay(data, few, home)

    assert run.code == 0, run.output
    assert NOTHING_NEW in run.output
    assert "unchanged: 31 tables" in run.output
    assert "building" not in run.output
    assert (data / "published").resolve() == release
    assert (data / "warehouse.duckdb").stat().st_mtime_ns == built
    with dg.DagsterInstance.from_config(str(home)) as instance:
        [last] = instance.get_run_records(limit=1)
        for key in (*dbt_models.keys, PUBLISHED, REPORT):
            [record] = instance.fetch_materializations(key, limit=1).records
            assert record.run_id == last.dagster_run.run_id
            assert record.asset_materialization.metadata["unchanged"].value is True
        [newest, before] = instance.fetch_materializations(dg.AssetKey(["marts", "share_model"]), limit=2).records
        assert before.asset_materialization.metadata.keys() < newest.asset_materialization.metadata.keys()
        repeated, evaluated = (evaluations(instance, one) for one in instance.get_runs(limit=2))
        assert repeated.keys() == evaluated.keys()
        assert len(repeated) > 200
        assert "unchanged" in repeated[dg.AssetCheckKey(PUBLISHED, "inventory")]
        assert "unchanged" not in repeated[dg.AssetCheckKey(PUBLISHED, "fresh_rankings")]  # measured again
