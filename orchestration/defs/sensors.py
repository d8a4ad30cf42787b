"""Sensors: one sends alerts, the other marks killed runs as failed and deletes old ones."""

import datetime as dt

import dagster as dg

from orchestration.alerts.channels import configured_channels
from orchestration.alerts.deliveries import FAILURES, RELEASES, Deliveries, send_new
from orchestration.alerts.events import release_alerts
from orchestration.defs.failure_alerts import failed_checks, failed_runs
from orchestration.defs.resources import open_lake
from orchestration.defs.runs import RETENTION_DAYS, delete_old_runs, end_killed_runs
from orchestration.defs.schedule_states import rename_states
from orchestration.errors import AlertError, SettingsError
from orchestration.formatting import SIMULATED_PREFIX
from orchestration.settings import Settings
from orchestration.storage.migrations import migrate
from orchestration.storage.releases import Releases


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Sends one alert for each new model, price change and anomaly of a release, and for each failed run and check. "
        "ROUTERSCOPE_ALERTS_WEBHOOK, _FILE and _LOG set the channels; by default, none is set and nothing is sent."
    ),
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    try:
        settings = Settings.load()
    except SettingsError as error:
        return dg.SkipReason(str(error))
    channels = configured_channels(settings, context.log.warning)
    if not channels:
        return dg.SkipReason(
            "No channel is set, so no alert is sent. Set ROUTERSCOPE_ALERTS_WEBHOOK, _FILE or _LOG to get alerts."
        )
    assert context.repository_def  # noqa: S101  # a sensor always belongs to a code location
    data, prefix = str(settings.data), SIMULATED_PREFIX if open_lake(settings).is_simulated else ""
    for line in migrate(settings.data):
        context.log.info(line)
    deliveries = Deliveries(settings.data / "deliveries.sqlite")
    keys = context.repository_def.asset_graph.asset_check_keys
    checks, resolved = failed_checks(context.instance, keys, data, prefix)
    deliveries.forget(resolved)
    failures = [*failed_runs(context.instance, data, prefix), *checks]
    sent, problems = send_new({FAILURES: failures}, channels, deliveries)
    published = Releases(settings.data).current
    # The alerts of a release do not change, so it is read only once for the same channels.
    cursor = " ".join([published.name, *(channel.name for channel in channels)])
    if published.is_dir() and context.cursor != cursor:
        try:
            more, further = send_new({RELEASES: release_alerts(published)}, channels, deliveries)
        except AlertError as error:
            more, further = 0, [str(error)]
        sent, problems = sent + more, problems + further
    if problems:
        raise AlertError(" ".join(problems))
    if published.is_dir():
        context.update_cursor(cursor)
    return dg.SkipReason(f"Alerts sent: {sent}." if sent else "No new alerts.")


@dg.sensor(
    name="housekeeping",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Marks killed runs as failed, because other runs would wait for them, and deletes the records of runs after "
        f"{RETENTION_DAYS} days."
    ),
)
def housekeeping(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    rename_states(context.instance)
    now = dt.datetime.now(dt.UTC)
    lines = end_killed_runs(context.instance)
    today = f"{now:%Y-%m-%d}"
    if context.cursor != today:
        if deleted := delete_old_runs(context.instance, now):
            lines.append(f"Old runs deleted: {deleted}.")
        else:
            context.update_cursor(today)
    return dg.SkipReason(" ".join(lines) or "Nothing to do.")


@dg.definitions
def sensors() -> dg.Definitions:
    return dg.Definitions(sensors=[alerts, housekeeping])
