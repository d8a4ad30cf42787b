"""`routerscope run`: run a job in this process, with progress and errors in plain words and an exit code.

The job is defined in `defs`. `run_summary` writes the lines before and after the run, `progress` the lines during it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.dagster_home import history_errors, use_dagster_home
from orchestration.cli.heartbeat import Heartbeat
from orchestration.cli.terminal import ExitCode, exit_code_of, say, signals_noted
from orchestration.errors import RouterscopeError, SettingsError, SourceError, WarehouseError
from orchestration.folders import RUN_LOCK
from orchestration.storage.files import check_data_folder

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.ingest.sources import FetchOptions, Source
    from orchestration.settings import Settings

PROBE_TIMEOUT_SECONDS = 5.0
_OTHER_SOURCE = {
    "live": "for recorded data without a network: make run SOURCE=sample",
    "sample": "real figures recorded in summer 2026, not today's; for current ones: make run SOURCE=live",
    "simulator": "every figure is invented; for OpenRouter's data: make run SOURCE=live",
    "replay": "for OpenRouter's current data: make run SOURCE=live",
}


class Job(StrEnum):
    """The Dagster jobs that can be run."""

    refresh = "refresh"
    refresh_prices = "refresh_prices"


@dataclass(frozen=True)
class RunRequest:
    """The job; what to fetch in addition to what is due: days as YYYY-MM-DD, or everything; whether to build always."""

    job: Job
    first: str
    last: str
    refetch: bool
    rebuild: bool

    def __post_init__(self) -> None:
        """Raises SettingsError if the options exclude each other."""
        has_days = bool(self.first or self.last)
        if self.refetch and has_days:
            raise SettingsError(
                "--refetch fetches all days; --from and --to select some. Nothing was fetched. Use one or the other."
            )
        if self.job is Job.refresh_prices and (self.refetch or has_days):
            raise SettingsError(
                "The API has no history of prices and endpoints. Nothing was fetched. Use --from, --to and --refetch "
                "with --job refresh only."
            )

    @property
    def run_config(self) -> dict[str, Any]:
        """The run config of the job."""
        from orchestration.defs.jobs import REBUILD, REFETCH_ALL

        ops: dict[str, Any] = {}
        if self.first or self.last:
            from orchestration.openrouter.surfaces import APPS, RANKINGS

            window = {"start_date": self.first, "end_date": self.last}
            ops |= {f"raw__{surface.name}": {"config": window} for surface in (RANKINGS, APPS)}
        if self.refetch:
            ops |= REFETCH_ALL
        if self.rebuild:
            ops |= REBUILD
        return {"ops": ops, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

    def fetch_options(self, source: Source) -> FetchOptions:
        """The same as options of the source. Raises SettingsError if it cannot fetch these days."""
        from orchestration.ingest.sources import fetch_options

        return fetch_options(source, self.first, self.last, self.refetch)


def run(
    first: Annotated[
        str, typer.Option("--from", metavar="DAY", help="First day to backfill, for rankings and apps (YYYY-MM-DD).")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day to backfill.")] = "",
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Refetch all days of the rankings and every daily snapshot."),
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build, check and publish even if nothing is new.")
    ] = False,
    job: Annotated[
        Job, typer.Option(help="refresh: everything. refresh_prices: prices and endpoints only.")
    ] = Job.refresh,
) -> None:
    """Fetch what is due; build, check and publish the tables.

    If the lake, the code, the seeds and the settings are those of the published release, nothing is built.

    ROUTERSCOPE_SOURCE sets the source. Without it, run probes OpenRouter for 5 seconds and uses the live source if it
    responds, otherwise the sample: real figures, recorded in summer 2026.
    """
    started = time.monotonic()
    with signals_noted() as signal_received:
        code, headline, data, before = 0, "", None, None
        try:
            request = RunRequest(job, first, last, refetch, rebuild)
            settings, headline = _resolve_settings()
            say(headline)
            check_data_folder(settings.data)
            data, before = settings.data, _published(settings.data)
            say("Starting (a few seconds) …")
            code = _run_job(settings, request, started, signal_received)
        except RouterscopeError as error:
            say(str(error))
            code = exit_code_of(error)
        except KeyboardInterrupt:
            pass  # noted, like one that Dagster, DuckDB or an import turned into another error
        except Exception:
            if not signal_received():
                raise
        if number := signal_received():
            say(_what_is_kept(data, before))
            code = 128 + number
        if headline:  # the first line and the last
            say(headline)
    raise typer.Exit(code)


def _published(data: Path) -> Path:
    return (data / "published").resolve()


def _what_is_kept(data: Path | None, before: Path | None) -> str:
    if data is None:
        return "Interrupted: nothing was fetched."
    if _published(data) != before:
        return "Interrupted: the new release is published, and the next run records what the interruption left out."
    published = "the published release is unchanged" if _published(data).exists() else "nothing was published"
    return f"Interrupted: responses fetched so far are kept, and {published}. Run again to continue."


def choose_source() -> str:
    """Set ROUTERSCOPE_SOURCE to live if OpenRouter's keyless export responds, or to sample; returns the reason."""
    from orchestration.openrouter.client import Client
    from orchestration.settings import Settings

    base_url = str(Settings.load("sample").base_url).rstrip("/")  # every other setting is checked as well
    is_reachable = Client(base_url).is_reachable(PROBE_TIMEOUT_SECONDS)
    os.environ["ROUTERSCOPE_SOURCE"] = "live" if is_reachable else "sample"
    return (
        f"{base_url} responds" if is_reachable else f"{base_url} did not respond within {PROBE_TIMEOUT_SECONDS:.0f} s"
    )


def _resolve_settings() -> tuple[Settings, str]:
    """The settings of the run, also exported for its child processes, and its headline: source, reason, data folder."""
    from orchestration.settings import BASE_URL, Settings

    reason = ""
    if not os.environ.get("ROUTERSCOPE_SOURCE"):
        if os.environ.get("ROUTERSCOPE_REPLAY_DIR"):
            raise SettingsError(
                "ROUTERSCOPE_REPLAY_DIR is set, but ROUTERSCOPE_SOURCE is not. Nothing was fetched. Set SOURCE=replay "
                "to read the recordings, or unset ROUTERSCOPE_REPLAY_DIR."
            )
        reason = f", because {choose_source()}"
    settings = Settings.load()
    if settings.source == "simulator" and settings.now is None:
        from orchestration.openrouter.simulator.api import default_now

        # Set once, so that a run over midnight has one clock.
        os.environ["ROUTERSCOPE_NOW"] = default_now(dt.datetime.now(dt.UTC)).isoformat()
        settings = Settings.load()
    os.environ["ROUTERSCOPE_DATA_DIR"] = str(settings.data)
    base_url = str(settings.base_url).rstrip("/")
    at = f" at {base_url}" if settings.source == "live" and base_url != BASE_URL and not reason else ""
    other = _OTHER_SOURCE[settings.source]
    return settings, f"Routerscope: source {settings.source}{at}{reason}, data in {settings.data} ({other})"


def _run_job(settings: Settings, request: RunRequest, started: float, signal_received: Callable[[], int]) -> ExitCode:
    with Heartbeat(started, "loading Dagster and dbt's models") as heartbeat:
        return _execute(settings, request, heartbeat, started, signal_received)


def _pull(settings: Settings, heartbeat: Heartbeat) -> None:
    """Pull before the plan is made, so that it leaves out what other hosts have fetched.

    The run itself pulls too. If another run is using the data folder, only that one does.
    """
    from orchestration.defs.resources import pull
    from orchestration.storage.files import locked_if_free
    from orchestration.storage.migrations import migrate
    from orchestration.storage.remote import Remote

    with locked_if_free(settings.data / RUN_LOCK) as is_locked:
        if is_locked:
            heartbeat.enter(f"pulling from {settings.remote}")
            for line in migrate(settings.data):
                say(line)
            pull(Remote(str(settings.remote), settings.data, heartbeat.print), settings)


def _execute(
    settings: Settings,
    request: RunRequest,
    heartbeat: Heartbeat,
    started: float,
    signal_received: Callable[[], int],
) -> ExitCode:
    from orchestration.cli.maintain import tidy_instance
    from orchestration.cli.progress import ProgressListener
    from orchestration.cli.run_summary import plan_lines, result_lines
    from orchestration.definitions import defs
    from orchestration.defs.event_log import open_instance
    from orchestration.defs.resources import source_of
    from orchestration.ingest.sources import Live
    from orchestration.storage.migrations import migrate
    from orchestration.storage.releases import Releases

    source = source_of(settings)
    if isinstance(source, Live) and not source.is_reachable():
        raise SourceError(
            f"{settings.base_url} does not respond. Nothing was fetched; the lake and the published release are "
            "unchanged. Check the network and run again, or try recorded data: make run SOURCE=sample"
        )
    options = request.fetch_options(source)
    source.report_to(say)
    if settings.remote:
        _pull(settings, heartbeat)
    for line in [*source.explain(), *plan_lines(source, options)]:
        say(line)
    home = use_dagster_home(settings.data)  # not before the options are checked: a wrong one leaves no folder behind
    for line in migrate(settings.data):
        say(line)
    releases = Releases(settings.data)
    before = releases.current
    job = defs().resolve_job_def(request.job.value)
    progress = ProgressListener(heartbeat, source)
    is_success = False
    try:
        with history_errors(home), open_instance(home) as instance:
            tidy_instance(instance)
            run_id = str(uuid.uuid4())
            instance.add_event_listener(run_id, progress)
            # dbt's own lines are in its log; the progress listener prints a summary of them.
            with contextlib.redirect_stdout(io.StringIO()):
                result = job.execute_in_process(
                    instance=instance, run_id=run_id, raise_on_error=False, run_config=request.run_config
                )
        is_success = result.success
    except WarehouseError as error:
        progress.reasons.append(str(error))
    if signal_received():
        return ExitCode.FAILED
    if not is_success:
        is_published = releases.current != before
        say(
            "\nFAILED. The tables were published, but a later step failed."
            if is_published
            else "\nFAILED. Nothing was published; the published release is unchanged."
        )
        for reason in dict.fromkeys(progress.reasons):
            say(reason)
        return ExitCode.FAILED
    for line in result_lines(settings):
        say(line)
    if settings.remote:
        say(f"Published in {settings.remote}")
    say(f"Done in {time.monotonic() - started:.0f} s.")
    return ExitCode.OK
