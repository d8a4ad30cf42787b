"""The job run in this process, for people without a daemon: progress and errors in plain words, an exit code.

    python -m orchestration.cli.run run        choose a source if none is set, and run the job
    python -m orchestration.cli.run refresh    run the job; exit 0 if all went well, 1 if not, 2 if a setting is wrong
    python -m orchestration.cli.run refresh_prices   the same for prices and endpoints alone
    python -m orchestration.cli.run up         Dagster's web server and daemon, until they are stopped
    python -m orchestration.cli.run ui         the web server alone, for looking
    python -m orchestration.cli.run tidy       end what runs that were killed have left
    python -m orchestration.cli.run rollback   publish the generation before the published one again

What the job does is in `defs`, what a person reads of its result in `summary`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import signal
import subprocess
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

    from orchestration.ingest.sources import Source

_PROBE_SECONDS = 5.0
_PATIENCE_SECONDS = 30
_QUIET_SECONDS = 15
_NOTHING = "Nothing was published; what was published before is as it was."


def say(line: str) -> None:
    # Not sys.stdout, which is silenced while dbt speaks.
    print(line, file=sys.__stdout__, flush=True)


def tidy(instance: dg.DagsterInstance) -> None:
    """End what runs that were killed have left; else the next run would wait for them for ever."""
    from orchestration.defs.runs import end_lost_runs

    for line in end_lost_runs(instance):
        say(line)


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
    if arguments.refetch:
        from orchestration.defs.jobs import REFETCH_ALL

        ops |= REFETCH_ALL
    return {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def refresh(arguments: argparse.Namespace) -> int:
    """Run the job here; returns the exit code."""
    started = time.monotonic()
    if arguments.refetch and (arguments.first or arguments.last):
        raise SettingsError("--refetch asks for all days, --from and --to for some. Nothing was asked. Leave one out.")
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
        from orchestration.openrouter.simulator.api import default_now

        # Set once, so that a run over midnight has one clock.
        os.environ["ROUTERSCOPE_NOW"] = default_now().isoformat()
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

    from orchestration.cli.run_summary import plan_lines, result_lines
    from orchestration.definitions import defs
    from orchestration.defs.resources import source_of
    from orchestration.ingest.sources import Live, fetch_options

    source = source_of(settings)
    if isinstance(source, Live) and not source.is_reachable():
        raise SourceError(
            f"{settings.base_url} does not answer. Nothing was fetched; the lake and what was published are as they "
            "were. See whether this machine can reach it and run again; make run SOURCE=simulator shows invented data."
        )
    options = fetch_options(source, arguments.first or "", arguments.last or "", arguments.refetch)
    for line in [*source.explain(), *plan_lines(source, options)]:
        say(line)
    published = settings.data / "published"
    before = published.resolve()
    job = defs().resolve_job_def("refresh_prices" if arguments.command == "refresh_prices" else "refresh")
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
        done = (
            "The tables are published; something after that went wrong." if published.resolve() != before else _NOTHING
        )
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
        self._told_at = started
        self._built = 0

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
            self._counted(event)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._checked(event)
            self._counted(event)

    def _tell(self, line: str) -> None:
        self._told_at = time.monotonic()
        say(f"{time.monotonic() - self._started:5.0f} s  {line}")

    def _counted(self, event: DagsterEvent) -> None:
        if event.step_key == "dbt":
            self._built += 1
            if time.monotonic() - self._told_at >= _QUIET_SECONDS:
                self._tell(f"… {self._built} models and checks done")

    def _materialized(self, event: DagsterEvent) -> None:
        metadata = event.step_materialization_data.materialization.metadata
        path = event.asset_key.path if event.asset_key else []
        if path[:1] == ["raw"]:
            from orchestration.openrouter.surfaces import SURFACES

            facts = {
                name: metadata[name].value
                for name in ("new_responses", "responses", "newest_as_of", "requests_deferred")
                if name in metadata
            }
            if not facts.get("responses"):
                self._tell(f"{path[-1]}: {self._source.why_empty(SURFACES[path[-1]])}")
                return
            deferred = facts.get("requests_deferred")
            self._tell(
                f"{path[-1]}: {facts['new_responses']} new responses, {facts['responses']} in the lake, "
                f"newest as of {facts['newest_as_of']}{f', {deferred} requests deferred' if deferred else ''}"
            )
        elif path == ["published"]:
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
            found = f": {check.description}" if is_warning and check.description else ""
            self._tell(f"{'warning' if is_warning else 'FAILED'}: {name} (make ui shows what it found){found}")
            if check.description and not is_warning:
                self.reasons.append(f"{check.asset_key.to_user_string()}: {check.description}")

    def _failed(self, event: DagsterEvent) -> None:
        from orchestration.defs.runs import reason_of

        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            self.reasons.append(reason_of(event))
            return
        error = data.error
        while error and error.cause:
            error = error.cause
        if error and error.cls_name == "DagsterAssetCheckFailedError" and self.reasons:
            return  # the check has said why
        self.reasons += [reason_of(event), "`make ui` shows the whole run. Please report it."]


def main() -> int:
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_DIR / "dagster_home"))
    parser = argparse.ArgumentParser(prog="python -m orchestration.cli.run", description="Run Routerscope's job here.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("run", "choose a source if none is set, and run"),
        ("refresh", "run with the source that is set"),
        ("refresh_prices", "run with the source that is set, for prices and endpoints alone"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(do=refresh, first=None, last=None, refetch=False)
        if name == "refresh_prices":  # which have no past to ask for
            continue
        command.add_argument(
            "--from", dest="first", metavar="DAY", help="ask once more for rankings and apps from this day"
        )
        command.add_argument("--to", dest="last", metavar="DAY", help="… to this one (YYYY-MM-DD)")
        command.add_argument(
            "--refetch",
            action="store_true",
            help="ask once more for all days of the rankings, and take every snapshot of the keyless export",
        )
    for name, about, do in (
        ("up", "Dagster's web server and daemon: schedules run, alerts are sent", _up),
        ("ui", "Dagster's web server alone, for looking", _up),
    ):
        served = commands.add_parser(name, help=about, description=about)
        served.add_argument("--port", type=int, default=3000, help="of the web server, on 127.0.0.1 (3000)")
        served.set_defaults(do=do)
    commands.add_parser("tidy", help="end what runs that were killed have left").set_defaults(do=_tidy)
    commands.add_parser("rollback", help="publish the generation before this one again").set_defaults(do=_rollback)
    arguments = parser.parse_args()
    try:
        return int(arguments.do(arguments))
    except RouterscopeError as error:
        say(str(error))
        return _exit_code(error)


def _up(arguments: argparse.Namespace) -> int:
    """Run Dagster's own programs, and end them together; returns the exit code."""
    is_whole = arguments.command == "up"
    if is_whole:
        settings = Settings.load()  # else every tick would say what is wrong
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(settings.data)
    _tidy(arguments)
    workspace = ["--workspace", str(PROJECT_DIR / "workspace.yaml")]
    port = ["--host", "127.0.0.1", "--port", str(arguments.port)]
    commands = [["dagster-webserver", *workspace, *port, *([] if is_whole else ["--read-only"])]]
    commands += [["dagster-daemon", "run", *workspace]] if is_whole else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        started = []
        for command in commands:
            program = str(Path(sys.executable).with_name(command[0]))
            process = subprocess.Popen([program, *command[1:]], cwd=PROJECT_DIR)  # noqa: S603  # Dagster's own
            stack.callback(_end, process)
            started.append((command[0], process))
        say(f"Dagster's UI comes up on http://127.0.0.1:{arguments.port} in some seconds. Ctrl-C ends it.")
        if is_whole:
            say(f"Source {settings.source}, data in {settings.data}. When what runs stands there under Automation.")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                for name, process in started:
                    if process.poll() is not None:
                        say(f"{name} has ended ({process.returncode}); its last lines are above.")
                        return 1
                time.sleep(1)
    return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _rollback(_: argparse.Namespace) -> int:
    from orchestration.storage.releases import Releases

    releases = Releases(data_folder())
    withdrawn = releases.published.resolve().name
    previous = releases.rollback().name
    say(
        f"Published {previous} again in {releases.published} and withdrew {withdrawn}. The next run publishes as usual."
    )
    return 0


def _tidy(_: argparse.Namespace) -> int:
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        tidy(instance)
    return 0


if __name__ == "__main__":
    sys.exit(main())
