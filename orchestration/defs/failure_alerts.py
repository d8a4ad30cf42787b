"""Failed runs and checks in Dagster's history, as alerts.

Alerts about the figures of a release are in `alerts.events`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from functools import cache

import dagster as dg
from dagster import AssetCheckSeverity, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from orchestration.alerts.events import Alert, Severity
from orchestration.defs.runs import DATA_TAG, reason_of
from orchestration.formatting import iso_timestamp

# How far back the history of runs, and of each check, is searched.
_MAX_RECORDS = 50
_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


def failed_runs(instance: dg.DagsterInstance, data: str, prefix: str) -> Iterator[Alert]:
    """An alert for each of the newest failed runs in a data folder; its text begins with `prefix`."""
    for record in instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.FAILURE]), limit=_MAX_RECORDS):
        run = record.dagster_run
        if _is_in_other_folder(run, data):
            continue
        ended = dt.datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), dt.UTC)
        yield Alert(
            id=f"run_failed/{run.run_id}",
            kind="run_failed",
            severity="error",
            at=iso_timestamp(ended),
            subject=run.job_name,
            text=f"{prefix}The run {run.run_id[:8]} of {run.job_name} failed. {_reasons(instance, run)}",
            details={"run_id": run.run_id, "data": data},
        )


def failed_checks(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetCheckKey], data: str, prefix: str
) -> tuple[list[Alert], list[str]]:
    """Alerts for the checks that fail in a data folder now, and the deduplication keys of those that pass."""
    storage = instance.event_log_storage
    get_run = cache(instance.get_run_by_id)  # few runs evaluate many checks
    latest = storage.get_latest_asset_check_execution_by_key(list(keys))
    alerts, resolved = [], []
    for key in keys:
        if key not in latest:
            continue
        record: AssetCheckExecutionRecord | None = latest[key]
        if not _is_evaluated(get_run, record, data):
            # A run that has not reached the check yet, or a run in another folder, must not hide an earlier result.
            history = storage.get_asset_check_execution_history(key, limit=_MAX_RECORDS)
            record = next((one for one in history if _is_evaluated(get_run, one, data)), None)
        if record is None or record.event is None or record.event.dagster_event is None:
            continue
        name = f"{key.asset_key.to_user_string()}/{key.name}"
        if record.status == AssetCheckExecutionRecordStatus.SUCCEEDED:
            resolved += [f"check_failed/{name}/{severity}" for severity in ("warning", "error")]
            continue
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        severity: Severity = "error" if evaluation.severity == AssetCheckSeverity.ERROR else "warning"
        found = evaluation.description or "Dagster's UI shows the rows."
        alerts.append(
            Alert(
                id=f"check_failed/{name}/{record.run_id}",
                kind="check_failed",
                severity=severity,
                at=iso_timestamp(dt.datetime.fromtimestamp(record.create_timestamp, dt.UTC)),
                subject=name,
                text=f"{prefix}The check {key.name} of {key.asset_key.to_user_string()} fails. {found}",
                details={"run_id": record.run_id, "data": data},
                dedup_key=f"check_failed/{name}/{severity}",
            )
        )
    return alerts, resolved


def _reasons(instance: dg.DagsterInstance, run: DagsterRun) -> str:
    entries = instance.all_logs(run.run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    steps = [event for event in events if event.is_step_failure]
    return " ".join(map(reason_of, steps or events))


def _is_evaluated(
    get_run: Callable[[str], DagsterRun | None], record: AssetCheckExecutionRecord | None, data: str
) -> bool:
    """Whether the record is the result of a check in a run in this data folder."""
    if record is None or record.status not in _EVALUATED:
        return False
    run = get_run(record.run_id)
    return run is not None and not _is_in_other_folder(run, data)


def _is_in_other_folder(run: DagsterRun, data: str) -> bool:
    """Whether the run works in another folder; a run that failed before it set its tag counts as one in this folder."""
    return run.tags.get(DATA_TAG, data) != data
