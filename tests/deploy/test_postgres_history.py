"""What Routerscope does with Dagster's history works in Postgres as in SQLite."""

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import postgres
import pytest
from conftest import unpack_old_data_folder
from containers import DEPLOY
from dagster._core.test_utils import create_run_for_test

from orchestration.defs.event_log import open_instance
from orchestration.defs.runs import DATA_TAG, PROCESS_TAG, delete_old_runs, end_killed_runs
from orchestration.defs.schedule_states import copy_states, rename_states
from orchestration.storage.files import locked
from orchestration.storage.processes import RUN_LOCK, process_identity


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("home")
    shutil.copy(DEPLOY / "dagster.yaml", home)
    with postgres.server() as url, patch.dict(os.environ, postgres.variables(url)), open_instance(home) as found:
        yield found


def test_old_runs_are_deleted_from_postgres(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def counted() -> None: ...

    run_id = dg.materialize([counted], instance=instance).run_id
    assert instance.all_logs(run_id)
    assert delete_old_runs(instance, dt.datetime.now(dt.UTC) + dt.timedelta(days=91)) == 1
    assert instance.all_logs(run_id) == []


def test_run_of_another_container_ends_with_its_lock(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run = create_run_for_test(instance, job_name="refresh", status=dg.DagsterRunStatus.STARTED)
    elsewhere = f"{str(process_identity(os.getpid())).rpartition('/')[0]}/pid:[1]"
    instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{run.run_id} {elsewhere}", DATA_TAG: str(tmp_path)})
    with locked(tmp_path / RUN_LOCK):
        assert end_killed_runs(instance) == []
    assert len(end_killed_runs(instance)) == 1


def test_schedule_states_are_kept_in_postgres(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    unpack_old_data_folder(tmp_path)
    assert copy_states(tmp_path / "dagster_home", instance) == 2
    assert rename_states(instance) == 0
    assert len(instance.all_instigator_state()) == 2
