"""Lost runs are ended, old runs are deleted, and processes are identified."""

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from conftest import Run
from dagster._core.test_utils import create_run_for_test

from orchestration.defs.failure_alerts import failed_runs
from orchestration.defs.resources import dagster_failures
from orchestration.defs.runs import PROCESS_TAG, delete_old_runs, end_killed_runs, reason_of
from orchestration.errors import MigrationError
from orchestration.storage.processes import process_identity


@pytest.fixture
def instance(few_run: Run, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A copy of the Dagster instance that ran over the few recordings."""
    home = Path(shutil.copytree(few_run.data.parent / "home", tmp_path / "home"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def test_only_runs_without_process_are_ended(instance: dg.DagsterInstance) -> None:
    started = dg.DagsterRunStatus.STARTED
    lost = create_run_for_test(instance, job_name="refresh", status=started)
    of_another_boot = f"{lost.run_id} 1/of-another-boot/7"
    instance.add_run_tags(lost.run_id, {PROCESS_TAG: of_another_boot})
    # A run that is started again from the UI has the tags of the first one until it sets its own.
    waiting = create_run_for_test(instance, job_name="refresh", status=started, tags={PROCESS_TAG: of_another_boot})
    [line] = end_killed_runs(instance)
    assert line.startswith(f"Run {lost.run_id[:8]} was killed and is now marked as failed.")
    states = [instance.get_run_by_id(one.run_id) for one in (lost, waiting)]
    assert [one.status for one in states if one] == [dg.DagsterRunStatus.FAILURE, started]


def test_failure_before_the_first_step_has_its_reason() -> None:
    @dg.resource
    def folder() -> None:
        with dagster_failures():
            raise MigrationError("The state could not be moved. Run again.")

    @dg.asset(required_resource_keys={"folder"})
    def never_made() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([never_made], resources={"folder": folder}, instance=instance, raise_on_error=False)
    assert not result.success
    failures = [event for event in result.all_events if event.is_step_failure or event.is_run_failure]
    assert {reason_of(event) for event in failures} == {"The state could not be moved. Run again."}


def test_killed_run_has_its_reason() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, job_name="refresh", status=dg.DagsterRunStatus.STARTED)
        instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{run.run_id} 1/of-another-boot/7"})
        end_killed_runs(instance)
        [alert] = failed_runs(instance, "/data", "")
    assert alert.text.endswith("failed. Its process is gone: it was killed or the machine stopped.")


def test_old_runs_are_deleted_with_their_events(instance: dg.DagsterInstance) -> None:
    now = dt.datetime.now(dt.UTC)
    assert delete_old_runs(instance, now) == 0
    runs = instance.get_runs()
    assert delete_old_runs(instance, now + dt.timedelta(days=91)) == len(runs) > 0
    assert instance.get_runs() == []
    assert [event for run in runs for event in instance.all_logs(run.run_id)] == []


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


def test_identity_of_a_live_process_is_stable(process: subprocess.Popen[bytes]) -> None:
    assert process_identity(process.pid) == process_identity(process.pid)
    assert str(process_identity(process.pid)).startswith(f"{process.pid}/")


def test_ended_process_has_no_identity(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_identity(process.pid) is None  # a zombie, whose exit status nothing has read
    process.wait()
    assert process_identity(process.pid) is None


def test_identities_of_two_processes_differ(process: subprocess.Popen[bytes]) -> None:
    assert str(process_identity(process.pid)).split("/")[2] != str(process_identity(os.getpid())).split("/")[2]
