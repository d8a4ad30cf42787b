"""Progress of a run: one line for each of the few Dagster events that matter to a reader."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from orchestration.defs.dbt import BUILDING, NOTHING_NEW, dbt_models
from orchestration.defs.resources import IN_USE
from orchestration.defs.runs import message_for_users, reason_of, root_cause
from orchestration.defs.unchanged import MARK
from orchestration.formatting import timestamp_in_words
from orchestration.openrouter.surfaces import SURFACES

if TYPE_CHECKING:
    from dagster import DagsterEvent, EventLogEntry

    from orchestration.cli.heartbeat import Heartbeat
    from orchestration.ingest.sources import Source

_MODELS_AND_CHECKS = len(list(dbt_models.keys)) + len(list(dbt_models.check_keys))


class ProgressListener:
    """Prints a run's progress as Dagster reports its events; `reasons` collects why the run failed."""

    def __init__(self, heartbeat: Heartbeat, source: Source) -> None:
        self.reasons: list[str] = []
        self._heartbeat = heartbeat
        self._source = source

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            # Dagster logs every step that it skips after a failure; the failure itself is enough.
            is_ours = not entry.user_message.startswith("Dependencies for step")
            if entry.user_message.startswith(IN_USE):
                self._heartbeat.enter("waiting until the other run has finished")
            if is_ours and (int(entry.level) >= logging.WARNING or (entry.step_key or "").startswith("raw")):
                self._print(entry.user_message)
            elif entry.user_message in (BUILDING, NOTHING_NEW):
                self._print(entry.user_message)
                self._heartbeat.enter("models and checks", _MODELS_AND_CHECKS)
            elif is_ours and entry.step_key == "publish":
                self._heartbeat.enter(entry.user_message)
        elif event.is_step_start and (surface := (event.step_key or "").removeprefix("raw__")) in SURFACES:
            self._heartbeat.enter(f"{surface}: fetching what is due")
        elif event.is_step_failure:
            self._on_failure(event)
        elif event.event_type_value == "ASSET_MATERIALIZATION":
            self._on_materialization(event)
            self._heartbeat.count()
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._on_check(event)
            self._heartbeat.count()

    def _print(self, line: str) -> None:
        self._heartbeat.print(line)

    def _on_materialization(self, event: DagsterEvent) -> None:
        metadata = event.step_materialization_data.materialization.metadata
        path = event.asset_key.path if event.asset_key else []
        if path[:1] == ["raw"]:
            names = ("new_responses", "responses", "newest_as_of", "requests_deferred", "responses_after_clock")
            values = {name: metadata[name].value for name in names if name in metadata}
            if not values.get("responses"):
                self._print(f"{path[-1]}: {self._source.why_empty(SURFACES[path[-1]])}")
                return
            newest = timestamp_in_words(dt.datetime.fromisoformat(str(values["newest_as_of"])))
            new, deferred = values["new_responses"], values.get("requests_deferred")
            later = values.get("responses_after_clock")
            self._print(
                f"{path[-1]}: {new} new response{'' if new == 1 else 's'}, {values['responses']} in the lake"
                f"{f' ({later} from a run with a later clock)' if later else ''}, newest as of {newest}"
                f"{f', {deferred} requests deferred' if deferred else ''}"
            )
        elif path == ["published"]:
            what = "unchanged" if MARK in metadata else "published"
            self._print(f"{what}: {metadata['tables'].value} tables, {metadata['rows'].value:,} rows")

    def _on_check(self, event: DagsterEvent) -> None:
        check = event.asset_check_evaluation_data
        if check.passed:
            return
        is_warning = check.severity.value == "WARN"
        if check.check_name.startswith("fresh_"):
            surface = check.check_name.removeprefix("fresh_")
            self._print(f"{check.metadata['state'].value}: {surface} (routerscope status shows its age)")
            return
        asset = check.asset_key.to_user_string()
        found = (check.description or "").removeprefix(f"{check.check_name}: ")
        description = f": {found}" if is_warning and found else ""
        level = "warning" if is_warning else "FAILED"
        self._print(f"{level}: check {check.check_name} of {asset} (make ui shows the rows){description}")
        if check.description and not is_warning:
            self.reasons.append(f"{asset}: {check.description}")

    def _on_failure(self, event: DagsterEvent) -> None:
        if message := message_for_users(event):
            self.reasons.append(message)
            return
        error = root_cause(event)
        if error and error.cls_name == "DagsterAssetCheckFailedError" and self.reasons:
            return  # the failed check has given the reason
        self.reasons += [reason_of(event), "`make ui` shows the whole run. Please report this error."]
