"""Dagster's own house: runs whose process is gone are ended, and old runs are forgotten.

What runs do is in `defs`. What they have written to a data folder is never touched from here.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

# Long enough for the plots of a quarter; some five megabytes a run.
KEPT_DAYS = 90
PROCESS_TAG = "routerscope/process"
_IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def end_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose process is gone, for which others would wait; returns a line for people on each."""
    lines = []
    for record in instance.get_run_records(RunsFilter(statuses=_IN_PROGRESS)):
        run = record.dagster_run
        # It may have ended, and its process with it, while we looked.
        if _is_lost(instance, run) and not getattr(instance.get_run_by_id(run.run_id), "is_finished", True):
            instance.report_run_failed(run, "Its process is gone: it was killed or the machine stopped.")
            lines.append(f"A run that was killed ({run.run_id[:8]}) has been ended; what it published before stands.")
    return lines


def process_of(run: dg.DagsterRun) -> str:
    """What PROCESS_TAG holds of a run that is in this process. A run that does another one again has that one's tag."""
    return f"{run.run_id} {identity(os.getpid()) or ''}"


def _is_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    run_id, _, told = run.tags.get(PROCESS_TAG, "").partition(" ")
    if told and run_id == run.run_id:
        return identity(int(told.partition("/")[0])) != told
    # It had not come to its first step. Before any of its processes was heard of, Dagster's monitoring waits for it.
    pids = [entry.dagster_event.pid for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    heard = [pid for pid in pids if pid]
    return bool(heard) and identity(heard[-1]) is None


def identity(pid: int) -> str | None:
    """What tells a process from any other, also after its number was given to one; None if it has ended.

    Without a clock, which may be set: the process's number, the machine's start, and the tick of the process's.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # a system that tells no more of its processes
        return f"{pid}/"
    return None if state == "Z" else f"{pid}/{boot}/{fields[18]}"


def forget_old_runs(instance: dg.DagsterInstance, now: dt.datetime, days: int = KEPT_DAYS) -> int:
    """Delete ended runs that were created so many days ago, with their events and logs; returns how many."""
    before = now - dt.timedelta(days=days)
    old = instance.get_run_records(RunsFilter(statuses=_ENDED, created_before=before), limit=100)
    for record in old:
        instance.compute_log_manager.delete_logs(prefix=[record.dagster_run.run_id])
        instance.delete_run(record.dagster_run.run_id)
    return len(old)
