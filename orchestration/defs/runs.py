"""Dagster's record of runs: their tags, why a step failed, marking killed runs as failed, and deleting old ones.

A run was killed if its process is gone before the run ended. Nothing here changes what runs have written to a data
folder.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import dagster as dg
from dagster import DagsterEvent, DagsterRunStatus, RunsFilter
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster_shared.error import SerializableErrorInfo

from orchestration.errors import RouterscopeError
from orchestration.storage.processes import is_running, process_identity

# A DAGSTER_HOME that the user sets can record the runs of several data folders. This tag holds the folder of a run.
DATA_TAG = "routerscope/data"
# On runs and on assets: the source that their data comes from.
SOURCE_TAG = "routerscope/source"
# Holds the run's id and the identity of its process.
PROCESS_TAG = "routerscope/process"
# Dagster's UI lists only runs with this tag below their job. Dagster sets it on the runs that it launches, and not on
# those of the command line.
CODE_LOCATION_TAGS = {REPOSITORY_LABEL_TAG: f"{SINGLETON_REPOSITORY_NAME}@routerscope"}
# Dagster's UI plots the last quarter; a run takes about 5 MB.
RETENTION_DAYS = 90
_MAX_DELETED_RUNS = 100
_OUR_ERRORS = f"{RouterscopeError.__module__}."
_IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def reason_of(event: DagsterEvent) -> str:
    """Why a step failed, or a run before its first step: the message written for users, or that of the root cause."""
    if message := message_for_users(event):
        return message
    error = root_cause(event)
    if error is None:
        return event.message or "no reason given"
    if error.message.startswith(_OUR_ERRORS):
        return error.message.partition(": ")[2].strip()
    return f"Unexpected error in {event.step_key or event.job_name}: {error.message.strip()}"


def message_for_users(event: DagsterEvent) -> str | None:
    """The message for users with which a step failed; None for an unexpected error."""
    failure = event.step_failure_data.user_failure_data if event.is_step_failure else None
    return failure.description if failure else None


def root_cause(event: DagsterEvent) -> SerializableErrorInfo | None:
    """The first error of the chain that made a step fail, or a run before its first step."""
    failure = event.step_failure_data if event.is_step_failure else event.job_failure_data
    error = failure.error if failure else None  # Dagster records nothing for a run that was marked as failed
    while error and error.cause:
        error = error.cause
    return error


def end_killed_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark killed runs as failed, so that no run waits for them. Returns a sentence for each."""
    lines = []
    for record in instance.get_run_records(RunsFilter(statuses=_IN_PROGRESS)):
        run = record.dagster_run
        # The run, and its process with it, may have finished since the records were read.
        if _is_killed(instance, run) and not getattr(instance.get_run_by_id(run.run_id), "is_finished", True):
            instance.report_run_failed(run, "Its process is gone: it was killed or the machine stopped.")
            lines.append(
                f"Run {run.run_id[:8]} was killed and is now marked as failed. The published release is unchanged."
            )
    return lines


def process_tag(run: dg.DagsterRun) -> str:
    """The value of PROCESS_TAG for a run in this process.

    It includes the run's id, because a run that is retried from the UI inherits the tags of the first run.
    """
    return f"{run.run_id} {process_identity(os.getpid()) or ''}"


def _is_killed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    run_id, _, identity = run.tags.get(PROCESS_TAG, "").partition(" ")
    if identity and run_id == run.run_id:
        return not is_running(identity, Path(run.tags.get(DATA_TAG, "")))
    # The run has not reached its first step. If it has no event at all, Dagster's run monitoring ends it on a timeout.
    pids = [entry.dagster_event.pid for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    known = [pid for pid in pids if pid]
    return bool(known) and process_identity(known[-1]) is None


def delete_old_runs(instance: dg.DagsterInstance, now: dt.datetime, days: int = RETENTION_DAYS) -> int:
    """Delete up to 100 finished runs older than `days`, with their events and logs; returns how many."""
    old = instance.get_run_records(
        RunsFilter(statuses=_FINISHED, created_before=now - dt.timedelta(days=days)), limit=_MAX_DELETED_RUNS
    )
    for record in old:
        instance.compute_log_manager.delete_logs(prefix=[record.dagster_run.run_id])
        instance.delete_run(record.dagster_run.run_id)
    return len(old)
