"""A run that has nothing to build: how it notices, and what it records, which is the results of the last build again.

Dagster measures freshness from the last materialization, and takes an asset's columns, lineage and numbers from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import AssetCheckEvaluation

from orchestration.defs.resources import open_lake, source_of
from orchestration.settings import Settings
from orchestration.storage.inputs import inputs_hash

MARK = "unchanged"
_METADATA = {MARK: dg.MetadataValue.bool(True)}

Results = Sequence[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def current_inputs(settings: Settings) -> str:
    """The hash of what a build would read now. The clock counts with recordings only: the others never stand still."""
    source = source_of(settings)
    clock = source.now.isoformat() if source.is_recorded else ""
    return inputs_hash(open_lake(settings), {"source": settings.source, "clock": clock})


def unchanged_results(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], checks: Collection[dg.AssetCheckKey]
) -> Results | None:
    """The newest results of these assets, in their order, and checks; None if Dagster's history lacks one of them."""
    entries = [record.asset_entry for record in instance.get_asset_records(assets)]
    materialized = {entry.asset_key: entry.last_materialization for entry in entries if entry.last_materialization}
    evaluated = _evaluations(instance, {entry.run_id for entry in materialized.values()})
    if not (materialized.keys() >= set(assets) and evaluated.keys() >= set(checks)):
        return None
    results: list[dg.MaterializeResult[Any] | dg.AssetCheckResult] = []
    for asset in assets:
        event = materialized[asset].asset_materialization
        metadata = event.metadata if event else {}
        results.append(dg.MaterializeResult(asset_key=asset, metadata={**metadata, **_METADATA}))
    for check in checks:
        evaluation = evaluated[check]
        results.append(
            dg.AssetCheckResult(
                passed=evaluation.passed,
                asset_key=check.asset_key,
                check_name=check.name,
                metadata={**evaluation.metadata, **_METADATA},
                severity=evaluation.severity,
                description=evaluation.description,
            )
        )
    return results


def _evaluations(
    instance: dg.DagsterInstance, run_ids: Collection[str]
) -> Mapping[dg.AssetCheckKey, AssetCheckEvaluation]:
    """The newest evaluation of each check in these runs."""
    entries = [
        entry
        for run_id in run_ids
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    ]
    found = [
        entry.dagster_event.asset_check_evaluation_data
        for entry in sorted(entries, key=lambda entry: entry.timestamp)
        if entry.dagster_event
    ]
    return {evaluation.asset_check_key: evaluation for evaluation in found}
