"""Schedules: when jobs run. All are in UTC and on by default."""

from typing import Any

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from orchestration.defs.jobs import QUIET_CONSOLE, REFETCH_ALL, refresh, refresh_prices
from orchestration.defs.runs import DATA_TAG
from orchestration.errors import SettingsError
from orchestration.settings import Settings

# NOT_STARTED is left out, because a tick that failed after it created its run starts that run when it is retried.
_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


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
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            settings = Settings.load()
        except SettingsError as error:
            return dg.SkipReason(f"{error} Restart with a source, such as: make up SOURCE=live")
        data = str(settings.data)
        previous = RunsFilter(tags={"dagster/schedule_name": name, DATA_TAG: data}, statuses=_UNFINISHED)
        if unfinished := context.instance.get_runs(previous, limit=1):
            return dg.SkipReason(f"The previous run of this schedule, {unfinished[0].run_id[:8]}, is not finished yet.")
        return dg.RunRequest(tags={DATA_TAG: data}, run_config={**QUIET_CONSOLE, "ops": ops or {}})

    return evaluate


SCHEDULES = [
    _schedule(
        "refresh_daily",
        refresh,
        "10 2 * * *",
        "The whole pipeline once per UTC day, after the snapshot of the day before is published (at about 01:46).",
    ),
    _schedule(
        "refresh_prices_intraday",
        refresh_prices,
        "10 8,14,20 * * *",
        "Prices and endpoints between two daily refreshes. The API has no history of them: a missed value is lost.",
    ),
    _schedule(
        "refetch_rankings_weekly",
        refresh,
        "40 3 * * 1",
        "Refetches all days of the rankings and every daily snapshot, because days can be revised weeks later.",
        REFETCH_ALL,
    ),
]


@dg.definitions
def schedules() -> dg.Definitions:
    return dg.Definitions(schedules=SCHEDULES)
