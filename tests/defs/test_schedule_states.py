"""What was switched on or off under version 0.1 stays so."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from conftest import unpack_old_data_folder
from dagster._core.scheduler.instigation import InstigatorStatus

from orchestration.defs.schedule_states import copy_states, rename_states

SWITCHED = {"refresh_prices_intraday": InstigatorStatus.STOPPED, "refetch_rankings_weekly": InstigatorStatus.RUNNING}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    unpack_old_data_folder(tmp_path)
    return tmp_path / "dagster_home"


@pytest.fixture
def instance(before: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "new"
    home.mkdir()
    shutil.copy(before / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def states(instance: dg.DagsterInstance) -> dict[str, InstigatorStatus]:
    return {state.instigator_name: state.status for state in instance.all_instigator_state()}


def test_new_instance_takes_over_switched_schedules(before: Path, instance: dg.DagsterInstance) -> None:
    assert copy_states(before, instance) == 2
    assert states(instance) == SWITCHED


def test_taking_over_twice_keeps_later_changes(before: Path, instance: dg.DagsterInstance) -> None:
    copy_states(before, instance)
    [stopped] = [state for state in instance.all_instigator_state() if state.status == InstigatorStatus.STOPPED]
    instance.update_instigator_state(stopped.with_status(InstigatorStatus.RUNNING))
    assert copy_states(before, instance) == 0
    assert set(states(instance).values()) == {InstigatorStatus.RUNNING}


def test_old_instance_is_left_unchanged(before: Path, instance: dg.DagsterInstance) -> None:
    copy_states(before, instance)
    with dg.DagsterInstance.from_config(str(before)) as old:
        assert set(states(old)) == {"prices_through_the_day", "restatements_weekly"}


def test_kept_instance_has_its_schedules_renamed(before: Path) -> None:
    with dg.DagsterInstance.from_config(str(before)) as instance:
        assert rename_states(instance) == 2
        assert states(instance) == SWITCHED
        assert rename_states(instance) == 0


def test_folder_without_an_instance_has_nothing_to_copy(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    assert copy_states(tmp_path / "none", instance) == 0
