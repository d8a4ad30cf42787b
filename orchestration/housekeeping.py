"""Dagster's own house: runs whose process is gone are ended, and old runs are forgotten.

What runs do is in `defs`. What they have written to a data folder is never touched from here.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

# Long enough for the plots of a quarter; some two megabytes a run.
KEPT_DAYS = 90
_IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def end_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose process is gone, for which others would wait; returns a line for people on each."""
    lines = []
    for record in instance.get_run_records(RunsFilter(statuses=_IN_PROGRESS)):
        run = record.dagster_run
        events = ((entry.timestamp, entry.dagster_event) for entry in instance.all_logs(run.run_id))
        heard = [(timestamp, event.pid) for timestamp, event in events if event and event.pid]
        if heard and is_gone(heard[-1][1], last_heard=heard[-1][0]):
            instance.report_run_failed(run, "Its process is gone: it was killed or the machine stopped.")
            lines.append(f"A run that was killed ({run.run_id[:8]}) has been ended; what it published before stands.")
    return lines


def is_gone(pid: int, last_heard: float) -> bool:
    """Whether the process has ended that was heard of at that moment; one that was started later is another one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    if pid == os.getpid() or not stat.exists():
        return pid == os.getpid()
    state, *_, ticks = stat.read_text().rpartition(")")[2].split()[:20]
    if state == "Z":  # it has ended, and nobody has asked how
        return True
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(boot.split()[1]) + int(ticks) / os.sysconf("SC_CLK_TCK") > last_heard + 1


def forget_old_runs(instance: dg.DagsterInstance, now: dt.datetime, days: int = KEPT_DAYS) -> int:
    """Delete the runs, with their events and logs, that ended so many days ago; returns how many."""
    before = now - dt.timedelta(days=days)
    old = instance.get_run_records(RunsFilter(statuses=_ENDED, created_before=before), limit=100)
    for record in old:
        instance.compute_log_manager.delete_logs(prefix=[record.dagster_run.run_id])
        instance.delete_run(record.dagster_run.run_id)
    return len(old)
