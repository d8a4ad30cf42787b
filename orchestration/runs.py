"""The job run in this process, for people without a daemon: progress and errors in plain words, an exit code.

    python -m orchestration.runs refresh    run the job; exit 0 if it published, 1 if not, 2 if a setting is wrong
    python -m orchestration.runs tidy       free what runs that were killed still hold

What the job does is in `defs`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import RouterscopeError, SettingsError
from orchestration.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    import dagster as dg
    from dagster import DagsterEvent, EventLogEntry

JOB = "refresh"


def say(line: str) -> None:
    # Not sys.stdout, which is silenced while dbt speaks.
    print(line, file=sys.__stdout__, flush=True)


def tidy(instance: dg.DagsterInstance) -> None:
    """End the runs whose process is gone, and free the pool slots they hold; else the next run would wait for ever."""
    from dagster import DagsterRunStatus, RunsFilter

    in_progress = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    for record in instance.get_run_records(RunsFilter(statuses=in_progress)):
        run = record.dagster_run
        events = ((entry.timestamp, entry.dagster_event) for entry in instance.all_logs(run.run_id))
        heard = [(timestamp, event.pid) for timestamp, event in events if event and event.pid]
        if heard and _is_gone(heard[-1][1], last_heard=heard[-1][0]):
            instance.report_run_failed(run, "Its process is gone: it was killed or the machine stopped.")
            say(f"A run that was killed ({run.run_id[:8]}) has been ended; what it published before stands.")
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        for run_id in storage.get_concurrency_info(pool).active_run_ids:
            holder = instance.get_run_by_id(run_id)
            if holder is None or holder.is_finished:
                storage.free_concurrency_slots_for_run(run_id)


def _is_gone(pid: int, last_heard: float) -> bool:
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
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK") > last_heard + 1


def refresh() -> int:
    """Run the job `refresh` here; returns the exit code."""
    started = time.monotonic()
    settings = Settings.load()
    say(f"Routerscope: source {settings.source}, data in {settings.data}")
    say("Starting (a few seconds) …")
    os.environ["ROUTERSCOPE_DATA_DIR"] = str(settings.data)

    import dagster as dg

    from orchestration.definitions import defs
    from orchestration.defs.resources import open_source

    clock = open_source(settings).now
    say(f"Clock {clock:%Y-%m-%d %H:%M:%S} UTC: what was observed later is left out.")
    job = defs().resolve_job_def(JOB)
    with dg.DagsterInstance.get() as instance:
        tidy(instance)
        run_id = str(uuid.uuid4())
        progress = _Progress(started)
        instance.add_event_listener(run_id, progress)
        # What dbt says line by line is in its log; a person wants the summary.
        with contextlib.redirect_stdout(io.StringIO()):
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
    if not result.success:
        say("\nFAILED. Nothing was published; what was published before is as it was.")
        for reason in dict.fromkeys(progress.reasons):
            say(reason)
        return 1
    published = settings.data / "published" / "routerscope.duckdb"
    say(f"\nPublished {published}")
    say(
        f"Done in {time.monotonic() - started:.0f} s. Any DuckDB from 1.2 on opens it; the README has questions to ask."
    )
    return 0


class _Progress:
    """Listens to a run's events and tells a person the few that matter."""

    def __init__(self, started: float) -> None:
        self._started = started
        self.reasons: list[str] = []

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            # Dagster also tells of every step that it leaves out after a failure; the failure itself says more.
            is_ours = not entry.user_message.startswith("Dependencies for step")
            if is_ours and (int(entry.level) >= logging.WARNING or (entry.step_key or "").startswith("raw")):
                self._tell(entry.user_message)
        elif event.is_step_start and event.step_key == "dbt":
            self._tell("building and checking the models …")
        elif event.is_step_failure:
            self._failed(event)
        elif event.event_type_value == "ASSET_MATERIALIZATION":
            self._materialized(event)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._checked(event)

    def _tell(self, line: str) -> None:
        say(f"{time.monotonic() - self._started:5.0f} s  {line}")

    def _materialized(self, event: DagsterEvent) -> None:
        metadata = event.step_materialization_data.materialization.metadata
        path = event.asset_key.path if event.asset_key else []
        if path[:1] == ["raw"]:
            facts = {
                name: metadata[name].value for name in ("requests", "responses", "newest_as_of") if name in metadata
            }
            self._tell(
                f"{path[-1]}: {facts.get('requests', 0)} new responses, {facts.get('responses', 0)} in the lake, "
                f"newest as of {facts.get('newest_as_of', 'never')}"
            )
        elif path == ["published"]:
            self._tell(f"published: {metadata['tables'].value} tables, {metadata['rows'].value:,} rows")

    def _checked(self, event: DagsterEvent) -> None:
        check = event.asset_check_evaluation_data
        if not check.passed:
            self._tell(f"check {check.check_name} of {check.asset_key.to_user_string()}: {check.severity.value}")

    def _failed(self, event: DagsterEvent) -> None:
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            self.reasons.append(data.user_failure_data.description)
            return
        error = data.error
        while error and error.cause:
            error = error.cause
        self.reasons.append(
            f"Not foreseen, in {event.step_key}: {error.message.strip() if error else 'no reason given'}"
        )
        self.reasons.append("`make ui` shows the whole run. Please report it.")


def main() -> int:
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_DIR / "dagster_home"))
    commands = {"refresh": refresh, "tidy": _tidy}
    command = commands.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if command is None:
        say(f"Say which: python -m orchestration.runs {' | '.join(commands)}")
        return 2
    try:
        return command()
    except SettingsError as error:
        say(str(error))
        return 2
    except RouterscopeError as error:
        say(str(error))
        return 1


def _tidy() -> int:
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        tidy(instance)
    return 0


if __name__ == "__main__":
    sys.exit(main())
