"""Keeps schedules and sensors on or off across the upgrade from version 0.1, which used other names.

Version 0.1 kept one Dagster instance for all data folders in the project's `dagster_home/`; now each data folder has
its own. A new instance copies the states of the old one. In an instance that stays where it is (DAGSTER_HOME is set),
the states are renamed.
"""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
from dagster._core.remote_origin import RemoteInstigatorOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

RENAMED = {
    "prices_through_the_day": "refresh_prices_intraday",
    "restatements_weekly": "refetch_rankings_weekly",
}


def copy_states(before: Path, instance: dg.DagsterInstance) -> int:
    """Copy the states that users switched on or off in another instance's folder; returns how many were copied."""
    if not (before / "schedules" / "schedules.db").exists():
        return 0
    with dg.DagsterInstance.from_config(str(before)) as old:
        return sum(_add(state, instance) for state in old.all_instigator_state())


def rename_states(instance: dg.DagsterInstance) -> int:
    """Give the states of renamed schedules their new names; returns how many were renamed."""
    renamed = [state for state in instance.all_instigator_state() if state.instigator_name in RENAMED]
    for state in renamed:
        _add(state, instance)
        instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)
    return len(renamed)


def _add(state: InstigatorState, instance: dg.DagsterInstance) -> bool:
    """Store the state under its new name, unless the instance has one already or the state is the default."""
    name = RENAMED.get(state.instigator_name, state.instigator_name)
    origin = RemoteInstigatorOrigin(state.origin.repository_origin, name)
    is_switched = state.status in (InstigatorStatus.RUNNING, InstigatorStatus.STOPPED)
    if not is_switched or instance.get_instigator_state(origin.get_id(), origin.get_selector().get_id()):
        return False
    data = state.instigator_data
    if isinstance(data, ScheduleInstigatorData) and state.status == InstigatorStatus.RUNNING:
        # From now on, so that ticks missed under the old name do not run.
        data = ScheduleInstigatorData(data.cron_schedule, time.time())
    instance.add_instigator_state(InstigatorState(origin, state.instigator_type, state.status, data))
    return True
