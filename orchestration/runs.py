"""The job run in this process, for people without a daemon: progress and errors in plain words, an exit code.

    python -m orchestration.runs run        choose a source if none is set, and run the job
    python -m orchestration.runs refresh    run the job; exit 0 if it published, 1 if not, 2 if a setting is wrong
    python -m orchestration.runs tidy       free what runs that were killed still hold
    python -m orchestration.runs rollback   publish the generation before the published one again

What the job does is in `defs`, what a person reads of its result in `summary`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.errors import RouterscopeError, SettingsError, SourceError
from orchestration.settings import BASE_URL, PROJECT_DIR, Settings, data_folder

if TYPE_CHECKING:
    import dagster as dg
    from dagster import DagsterEvent, EventLogEntry

    from orchestration.sources import Source

JOB = "refresh"
_PROBE_SECONDS = 5.0
_NOTHING = "Nothing was published; what was published before is as it was."


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


def choose_source() -> str:
    """Set the source where none is set: live if OpenRouter's keyless export answers, else the simulator; say why."""
    from orchestration.openrouter.client import Client

    base_url = os.environ.get("ROUTERSCOPE_BASE_URL") or BASE_URL
    is_reachable = Client(base_url).is_reachable(_PROBE_SECONDS)
    os.environ["ROUTERSCOPE_SOURCE"] = "live" if is_reachable else "simulator"
    return f"{base_url} answers" if is_reachable else f"{base_url} did not answer within {_PROBE_SECONDS:.0f} s"


_THE_OTHER = {
    "live": "for invented data without a network: make run SOURCE=simulator",
    "simulator": "every figure is invented; to ask OpenRouter: make run SOURCE=live",
    "replay": "to ask OpenRouter: make run SOURCE=live",
}


def _config(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run config of the job, from what was asked for beyond what is due."""
    window = {"start_date": arguments.first or "", "end_date": arguments.last or ""}
    ops: dict[str, Any] = {}
    if any(window.values()):
        ops |= {f"raw__{name}": {"config": window} for name in ("rankings", "apps")}
    if arguments.every_snapshot:
        ops["raw__rankings_export"] = {"config": {"every_snapshot": True}}
    return {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def refresh(arguments: argparse.Namespace) -> int:
    """Run the job `refresh` here; returns the exit code."""
    started = time.monotonic()
    chosen = ""
    if arguments.command == "run" and not os.environ.get("ROUTERSCOPE_SOURCE"):
        if os.environ.get("ROUTERSCOPE_REPLAY_DIR"):
            raise SettingsError(
                "ROUTERSCOPE_REPLAY_DIR is set, and no source. To read the recordings, say SOURCE=replay as well; else "
                "unset it."
            )
        chosen = f", since {choose_source()}"
    settings = Settings.load()
    if settings.source == "simulator" and settings.now is None:
        from orchestration.sources import default_clock

        # Said once, so that a run over midnight has one clock.
        os.environ["ROUTERSCOPE_NOW"] = default_clock().isoformat()
        settings = Settings.load()
    where = str(settings.base_url).rstrip("/")
    at = f" at {where}" if settings.source == "live" and where != BASE_URL and not chosen else ""
    other = _THE_OTHER[settings.source]
    headline = f"Routerscope: source {settings.source}{at}{chosen}, data in {settings.data} ({other})"
    say(headline)
    say("Starting (a few seconds) …")
    os.environ["ROUTERSCOPE_DATA_DIR"] = str(settings.data)
    try:
        return _run_job(settings, arguments, started)
    except RouterscopeError as error:
        say(str(error))
        return _exit_code(error)
    finally:
        say(headline)


def _exit_code(error: RouterscopeError) -> int:
    return 2 if isinstance(error, SettingsError) else 1


def _run_job(settings: Settings, arguments: argparse.Namespace, started: float) -> int:
    import dagster as dg

    from orchestration.definitions import defs
    from orchestration.defs.resources import source_of
    from orchestration.sources import Live, wanted
    from orchestration.summary import plan_lines, result_lines

    source = source_of(settings)
    if isinstance(source, Live) and not source.is_reachable():
        raise SourceError(
            f"{settings.base_url} does not answer. Nothing was fetched; the lake and what was published are as they "
            "were. See whether this machine can reach it and run again; make run SOURCE=simulator shows invented data."
        )
    options = wanted(source, arguments.first or "", arguments.last or "", arguments.every_snapshot)
    for line in [*source.explain(), *plan_lines(source, options)]:
        say(line)
    job = defs().resolve_job_def(JOB)
    with dg.DagsterInstance.get() as instance:
        tidy(instance)
        run_id = str(uuid.uuid4())
        progress = _Progress(started, source)
        instance.add_event_listener(run_id, progress)
        # What dbt says line by line is in its log; a person wants the summary.
        with contextlib.redirect_stdout(io.StringIO()):
            result = job.execute_in_process(
                instance=instance, run_id=run_id, raise_on_error=False, run_config=_config(arguments)
            )
    if not result.success:
        done = "The tables are published; something after that went wrong." if progress.has_published else _NOTHING
        say(f"\nFAILED. {done}")
        for reason in dict.fromkeys(progress.reasons):
            say(reason)
        return 1
    for line in result_lines(settings):
        say(line)
    say(f"Done in {time.monotonic() - started:.0f} s.")
    return 0


class _Progress:
    """Listens to a run's events and tells a person the few that matter."""

    def __init__(self, started: float, source: Source) -> None:
        self._started = started
        self._source = source
        self.reasons: list[str] = []
        self.has_published = False

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
            from orchestration.openrouter.surfaces import SURFACES

            facts = {
                name: metadata[name].value
                for name in ("new_responses", "responses", "newest_as_of", "left_for_later")
                if name in metadata
            }
            if not facts.get("responses"):
                self._tell(f"{path[-1]}: {self._source.why_empty(SURFACES[path[-1]])}")
                return
            left = facts.get("left_for_later")
            self._tell(
                f"{path[-1]}: {facts['new_responses']} new responses, {facts['responses']} in the lake, "
                f"newest as of {facts['newest_as_of']}{f', {left} left for later' if left else ''}"
            )
        elif path == ["published"]:
            self.has_published = True
            self._tell(f"published: {metadata['tables'].value} tables, {metadata['rows'].value:,} rows")

    def _checked(self, event: DagsterEvent) -> None:
        check = event.asset_check_evaluation_data
        if not check.passed:
            is_warning = check.severity.value == "WARN"
            if check.check_name.startswith("fresh_"):
                surface = check.check_name.removeprefix("fresh_")
                self._tell(f"{'stale' if is_warning else 'too old'}: {surface} (routerscope status says how old)")
                return
            name = f"check {check.check_name} of {check.asset_key.to_user_string()}"
            self._tell(f"{'warning' if is_warning else 'FAILED'}: {name} (make ui shows what it found)")
            if check.description and not is_warning:
                self.reasons.append(f"{check.asset_key.to_user_string()}: {check.description}")

    def _failed(self, event: DagsterEvent) -> None:
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            self.reasons.append(data.user_failure_data.description)
            return
        error = data.error
        while error and error.cause:
            error = error.cause
        if error and error.cls_name == "DagsterAssetCheckFailedError" and self.reasons:
            return  # the check has said why
        self.reasons.append(
            f"Not foreseen, in {event.step_key}: {error.message.strip() if error else 'no reason given'}"
        )
        self.reasons.append("`make ui` shows the whole run. Please report it.")


def main() -> int:
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_DIR / "dagster_home"))
    parser = argparse.ArgumentParser(prog="python -m orchestration.runs", description="Run Routerscope's job here.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("run", "choose a source if none is set, and run"),
        ("refresh", "run with the source that is set"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument(
            "--from", dest="first", metavar="DAY", help="ask once more for rankings and apps from this day"
        )
        command.add_argument("--to", dest="last", metavar="DAY", help="… to this one (YYYY-MM-DD)")
        command.add_argument(
            "--every-snapshot", action="store_true", help="take every snapshot of the keyless export, for restatements"
        )
        command.set_defaults(do=refresh)
    commands.add_parser("tidy", help="free what runs that were killed still hold").set_defaults(do=_tidy)
    commands.add_parser("rollback", help="publish the generation before this one again").set_defaults(do=_rollback)
    arguments = parser.parse_args()
    try:
        return int(arguments.do(arguments))
    except RouterscopeError as error:
        say(str(error))
        return _exit_code(error)


def _rollback(_: argparse.Namespace) -> int:
    from orchestration.warehouse import Warehouse

    warehouse = Warehouse(data_folder())
    now = warehouse.published.resolve().name
    before = warehouse.rollback().name
    say(f"Published {before} again, in {warehouse.published}. {now} is withdrawn. The next run publishes anew.")
    return 0


def _tidy(_: argparse.Namespace) -> int:
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        tidy(instance)
    return 0


if __name__ == "__main__":
    sys.exit(main())
