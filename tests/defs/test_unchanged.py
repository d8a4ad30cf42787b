"""A run that has nothing to build records the results of the run that built."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.defs.unchanged import current_inputs, unchanged_results
from orchestration.settings import Settings

FIRST, SECOND = dg.AssetKey("first"), dg.AssetKey("second")
CHECKS = [dg.AssetCheckKey(SECOND, name) for name in ("passes", "warns")]


@dg.multi_asset(
    specs=[dg.AssetSpec(FIRST), dg.AssetSpec(SECOND, deps=[FIRST])],
    check_specs=[dg.AssetCheckSpec(key.name, asset=key.asset_key) for key in CHECKS],
    can_subset=True,
)
def built(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]
    for key in sorted(context.selected_asset_keys):  # Dagster wants them in the order of the lineage
        yield dg.MaterializeResult(asset_key=key, metadata={"rows": 7})
    for key in context.selected_asset_check_keys:
        yield dg.AssetCheckResult(
            passed=key.name == "passes",
            asset_key=key.asset_key,
            check_name=key.name,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"sample": key.name},
            description=f"It {key.name}.",
        )


def test_newest_results_are_repeated_and_marked() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([built], instance=instance)
        results = unchanged_results(instance, [FIRST, SECOND], CHECKS)
    assert results is not None
    first, second, passes, warns = results
    assert [first.asset_key, second.asset_key] == [FIRST, SECOND]
    assert first.metadata == {"rows": dg.IntMetadataValue(7), "unchanged": dg.BoolMetadataValue(True)}
    assert isinstance(passes, dg.AssetCheckResult)
    assert isinstance(warns, dg.AssetCheckResult)
    assert (passes.check_name, passes.passed) == ("passes", True)
    assert (warns.check_name, warns.passed, warns.severity) == ("warns", False, dg.AssetCheckSeverity.WARN)
    assert warns.description == "It warns."
    assert warns.metadata == {"sample": dg.TextMetadataValue("warns"), "unchanged": dg.BoolMetadataValue(True)}


def test_results_of_several_runs_are_combined() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([built], instance=instance)
        dg.materialize([built], instance=instance, selection=[FIRST])
        assert unchanged_results(instance, [FIRST, SECOND], CHECKS) is not None


def test_incomplete_history_has_no_results() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert unchanged_results(instance, [FIRST, SECOND], CHECKS) is None
        dg.materialize([built], instance=instance, selection=[FIRST])
        assert unchanged_results(instance, [FIRST], []) is not None
        assert unchanged_results(instance, [FIRST, SECOND], []) is None
        assert unchanged_results(instance, [FIRST], CHECKS) is None


@pytest.mark.parametrize(("source", "is_same"), [("simulator", True), ("sample", False), ("replay", False)])
def test_clock_counts_with_recordings_only(source: str, is_same: bool, tmp_path: Path) -> None:
    (tmp_path / "rankings-daily").mkdir()
    (tmp_path / "rankings-daily" / "20261101T000000Z.json.gz").touch()
    named: dict[str, Any] = {"ROUTERSCOPE_SOURCE": source, "ROUTERSCOPE_DATA_DIR": tmp_path}
    if source == "replay":
        named["ROUTERSCOPE_REPLAY_DIR"] = tmp_path
    hashes = {current_inputs(Settings(**named, ROUTERSCOPE_NOW=f"2026-11-{day}")) for day in (21, 22)}
    assert (len(hashes) == 1) == is_same
