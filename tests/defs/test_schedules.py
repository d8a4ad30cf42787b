"""A tick of a schedule requests a run, or gives the reason why not."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from code_location import definitions
from dagster._core.test_utils import create_run_for_test

from orchestration.defs.runs import DATA_TAG, reason_of
from orchestration.defs.schedules import SCHEDULES

TICK = dt.datetime(2026, 11, 23, 2, 10, tzinfo=dt.UTC)
DAILY, PRICES, _ = SCHEDULES


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """An instance without runs."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(tmp_path))
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def tick(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """The requested run, or the reason why there is none."""
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=TICK)
    result = schedule.evaluate_tick(context)
    return result.run_requests[0] if result.run_requests else str(result.skip_message)


def previous_run(instance: dg.DagsterInstance, data: Path | str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run that the daily schedule started in a data folder."""
    tags = {"dagster/schedule_name": DAILY.name, DATA_TAG: str(data)}
    return create_run_for_test(instance, job_name="refresh", status=status, tags=tags)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.name)
def test_tick_requests_one_run_in_the_data_folder(
    schedule: dg.ScheduleDefinition, data: Path, instance: dg.DagsterInstance
) -> None:
    request = tick(schedule, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.tags[DATA_TAG] == str(data)
    assert dg.validate_run_config(definitions().resolve_job_def(schedule.job_name), request.run_config)
    ops = request.run_config["ops"]
    assert bool(ops) == (schedule.name == "refetch_rankings_weekly")
    assert all(one["config"] == {"refetch": True} for one in ops.values())


def test_tick_is_skipped_while_previous_run_is_unfinished(data: Path, instance: dg.DagsterInstance) -> None:
    previous = previous_run(instance, data, dg.DagsterRunStatus.STARTED)
    assert tick(DAILY, instance) == f"The previous run of this schedule, {previous.run_id[:8]}, is not finished yet."
    assert isinstance(tick(PRICES, instance), dg.RunRequest)


def test_run_that_was_never_started_blocks_no_tick(data: Path, instance: dg.DagsterInstance) -> None:
    previous_run(instance, data, dg.DagsterRunStatus.NOT_STARTED)
    assert isinstance(tick(DAILY, instance), dg.RunRequest)


def test_run_in_another_folder_blocks_no_tick(instance: dg.DagsterInstance) -> None:
    previous_run(instance, "/elsewhere", dg.DagsterRunStatus.STARTED)
    assert isinstance(tick(DAILY, instance), dg.RunRequest)


def test_tick_without_source_names_the_command(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROUTERSCOPE_SOURCE")
    reason = str(tick(DAILY, instance))
    assert "ROUTERSCOPE_SOURCE is not set." in reason
    assert "make up SOURCE=live" in reason


def test_price_run_without_rankings_fails_with_advice(
    data: Path, instance: dg.DagsterInstance, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(few))
    job = definitions().resolve_job_def(PRICES.job_name)
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    failures = {event.step_key: reason_of(event) for event in result.all_events if event.is_step_failure}
    assert failures.keys() == {"raw__models", "raw__endpoints"}
    for reason in failures.values():
        assert "holds no rankings yet, and this run does not fetch them" in reason
        assert "Run the whole job `refresh` first." in reason
    assert len(list((data / "raw" / "models").rglob("*.parquet"))) == 3
