"""Jobs, and when they run: what is run together, the schedules, and the sensors that tell of what came of it.

What a run does is in the other modules here, what is told and to whom in `alerts`.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster import AssetCheckSeverity, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from orchestration.alerts import Alert, Ledger, Severity, channels, news, tell_once
from orchestration.defs.housekeeping import end_lost_runs, forget_old_runs
from orchestration.defs.raw import raw_key
from orchestration.defs.resources import DATA_TAG, open_lake, reason_of
from orchestration.errors import AlertError, SettingsError
from orchestration.openrouter.surfaces import ENDPOINTS, MODELS, SURFACES
from orchestration.settings import Settings

# What a run tells line by line is in its events; on the daemon's screen dbt's lines are enough.
_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
# What asks for all days of the rankings, and for every snapshot of the export, as run config.
REFETCH_ALL = {f"raw__{name}": {"config": {"refetch": True}} for name in ("rankings", "rankings_export")}

# Not those that were never handed over: nobody ends them, and the tick that made one comes back to it by itself.
_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_LOOKED_AT = 50
_CHECKED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    config=_QUIET,
    description="Everything in one run: take in what is new, build and check the marts, publish them.",
)
refresh_prices = dg.define_asset_job(
    "refresh_prices",
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.assets(*(raw_key(one) for one in SURFACES.values() if one not in (MODELS, ENDPOINTS))),
    config=_QUIET,
    description="Prices and endpoints, then the same marts: nothing else is asked for.",
)


def _schedule(
    name: str, job: Any, cron: str, description: str, ops: dict[str, Any] | None = None
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            settings = Settings.load()
        except SettingsError as error:
            return dg.SkipReason(f"{error} Start with it, such as: make up SOURCE=live")
        data = str(settings.data)
        before = RunsFilter(tags={"dagster/schedule_name": name, DATA_TAG: data}, statuses=_UNFINISHED)
        if unfinished := context.instance.get_runs(before, limit=1):
            return dg.SkipReason(f"The run of the tick before, {unfinished[0].run_id[:8]}, has not ended yet.")
        return dg.RunRequest(tags={DATA_TAG: data}, run_config={**_QUIET, "ops": ops or {}})

    return due


SCHEDULES = [
    _schedule(
        "refresh_daily",
        refresh,
        "10 2 * * *",
        "Everything, once a UTC day: the day before is over, and its snapshot is published at about 01:46.",
    ),
    _schedule(
        "prices_through_the_day",
        refresh_prices,
        "10 8,14,20 * * *",
        "Prices and endpoints between two daily refreshes: what is not observed now can never be asked for later.",
    ),
    _schedule(
        "restatements_weekly",
        refresh,
        "40 3 * * 1",
        "All days of the rankings once more, and every snapshot of the keyless export: days are restated late, too.",
        REFETCH_ALL,
    ),
]


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells, once each, of new models, price changes and anomalies of what was published, and of runs and checks "
        "that failed: to the webhook, file or log that ROUTERSCOPE_ALERTS_… name. None is set by default, and nothing "
        "is sent."
    ),
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    try:
        settings = Settings.load()
    except SettingsError as error:
        return dg.SkipReason(str(error))
    to = channels(settings, context.log.warning)
    if not to:
        return dg.SkipReason("Nobody is told: none of ROUTERSCOPE_ALERTS_WEBHOOK, _FILE and _LOG is set.")
    ledger = Ledger(settings.data / "alerts.sqlite")
    mark = "SIMULATED: " if open_lake(settings).is_simulated else ""
    failed, over = _checks(context, str(settings.data), mark)
    ledger.forget(over)
    sent, problems = tell_once({"failures": [*_runs(context.instance, str(settings.data), mark), *failed]}, to, ledger)
    published = (settings.data / "published").resolve()
    # What a generation has to tell was told of it, to those who listened.
    cursor = " ".join([published.name, *(channel.name for channel in to)])
    if published.is_dir() and context.cursor != cursor:
        try:
            more, gone_wrong = tell_once({"news": news(published)}, to, ledger)
        except AlertError as error:
            more, gone_wrong = 0, [str(error)]
        sent, problems = sent + more, problems + gone_wrong
    if problems:
        raise AlertError(" ".join(problems))
    if published.is_dir():
        context.update_cursor(cursor)
    return dg.SkipReason(f"{sent} alerts were sent." if sent else "Nothing that was not told before.")


def _runs(instance: dg.DagsterInstance, data: str, mark: str) -> Iterator[Alert]:
    for record in instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.FAILURE]), limit=_LOOKED_AT):
        run = record.dagster_run
        if _is_elsewhere(run, data):
            continue
        at = dt.datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), dt.UTC)
        reasons = _reasons(instance, run)
        yield Alert(
            id=f"run_failed/{run.run_id}",
            kind="run_failed",
            severity="error",
            at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            subject=run.job_name,
            text=f"{mark}The run {run.run_id[:8]} of {run.job_name} failed. {reasons}",
            details={"run_id": run.run_id, "data": data},
        )


def _reasons(instance: dg.DagsterInstance, run: DagsterRun) -> str:
    events = instance.all_logs(run.run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    told = [entry.dagster_event for entry in events if entry.dagster_event]
    steps = [reason_of(event) for event in told if event.is_step_failure]
    return " ".join(steps or [event.message or "" for event in told])


def _checks(context: dg.SensorEvaluationContext, data: str, mark: str) -> tuple[list[Alert], list[str]]:
    """Alerts of the checks that fail now, and what is over: the checks that do not any more."""
    assert context.repository_def  # noqa: S101  # a sensor is always that of a code location
    storage = context.instance.event_log_storage
    keys = list(context.repository_def.asset_graph.asset_check_keys)
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    failed, over = [], []
    for key in keys:
        if key not in latest:
            continue
        record: AssetCheckExecutionRecord | None = latest[key]
        if not _is_told_here(context.instance, record, data):
            # A run that waits, or one in another folder, does not hide what was found before it.
            before = storage.get_asset_check_execution_history(key, limit=_LOOKED_AT)
            record = next((one for one in before if _is_told_here(context.instance, one, data)), None)
        if record is None or record.event is None or record.event.dagster_event is None:
            continue
        name = f"{key.asset_key.to_user_string()}/{key.name}"
        if record.status == AssetCheckExecutionRecordStatus.SUCCEEDED:
            over += [f"check_failed/{name}/{severity}" for severity in ("warning", "error")]
            continue
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        severity: Severity = "error" if evaluation.severity == AssetCheckSeverity.ERROR else "warning"
        why = evaluation.description or "Dagster's UI shows what it found."
        at = dt.datetime.fromtimestamp(record.create_timestamp, dt.UTC)
        failed.append(
            Alert(
                id=f"check_failed/{name}/{record.run_id}",
                kind="check_failed",
                severity=severity,
                at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
                subject=name,
                text=f"{mark}The check {key.name} of {key.asset_key.to_user_string()} fails. {why}",
                details={"run_id": record.run_id, "data": data},
                once=f"check_failed/{name}/{severity}",
            )
        )
    return failed, over


def _is_told_here(instance: dg.DagsterInstance, record: AssetCheckExecutionRecord | None, data: str) -> bool:
    """Whether it says how a check ended, in a run in this data folder."""
    if record is None or record.status not in _CHECKED:
        return False
    run = instance.get_run_by_id(record.run_id)
    return run is not None and not _is_elsewhere(run, data)


def _is_elsewhere(run: DagsterRun, data: str) -> bool:
    """Whether it worked in another data folder; one that did not get far enough to say is told of here."""
    return run.tags.get(DATA_TAG, data) != data


@dg.sensor(
    name="housekeeping",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends runs whose process is gone, for which others would wait, and forgets runs after 90 days.",
)
def housekeeping(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    now = dt.datetime.now(dt.UTC)
    lines = end_lost_runs(context.instance)
    today = f"{now:%Y-%m-%d}"
    if context.cursor != today:
        if forgotten := forget_old_runs(context.instance, now):
            lines.append(f"{forgotten} old runs were forgotten.")
        else:
            context.update_cursor(today)
    return dg.SkipReason(" ".join(lines) or "Nothing to tidy.")


@dg.definitions
def automation() -> dg.Definitions:
    # One process for whatever is started, wherever: it holds the data folder until it has ended. And dbt is the only
    # heavy step; starting Python anew for each costs more than it gives.
    return dg.Definitions(
        jobs=[refresh, refresh_prices],
        schedules=SCHEDULES,
        sensors=[alerts, housekeeping],
        executor=dg.in_process_executor,
    )
