"""The alert sensor sends failures and the alerts of a release once; housekeeping ends killed runs."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from code_location import definitions
from conftest import Run
from dagster._core.test_utils import create_run_for_test

from orchestration.defs.runs import DATA_TAG, PROCESS_TAG
from orchestration.defs.sensors import alerts, housekeeping
from orchestration.errors import AlertError


@pytest.fixture
def instance(few_run: Run, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A copy of the Dagster instance that ran over the few recordings."""
    home = Path(shutil.copytree(few_run.data.parent / "home", tmp_path / "home"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def data(started_from_few: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(tmp_path))
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(started_from_few))
    for name in ("WEBHOOK", "FILE", "LOG"):
        monkeypatch.delenv(f"ROUTERSCOPE_ALERTS_{name}", raising=False)
    return started_from_few


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that alerts are sent to."""
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    return tmp_path / "alerts.jsonl"


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[str, str | None]:
    """The message of a tick, and its cursor."""
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=definitions().get_repository_def())
    result = sensor.evaluate_tick(context)
    return str(result.skip_message), result.cursor


def test_no_channel_means_no_deliveries(data: Path, instance: dg.DagsterInstance) -> None:
    assert tick(alerts, instance)[0].startswith("No channel is set, so no alert is sent.")
    assert not (data / "deliveries.sqlite").exists()


def test_new_channel_skips_existing_alerts(
    data: Path, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_LOG", "1")
    _, cursor = tick(alerts, instance)
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    _, later = tick(alerts, instance, cursor)
    assert later != cursor
    with sqlite3.connect(data / "deliveries.sqlite") as deliveries:
        started = deliveries.execute("select channel from delivery where key = 'begun/news' order by 1").fetchall()
    assert started == [(f"file {tmp_path / 'alerts.jsonl'}",), ("log",)]
    assert not (tmp_path / "alerts.jsonl").exists()


def test_failed_delivery_is_reported_for_a_retry(
    data: Path,  # noqa: ARG001
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "file" / "alerts.jsonl"))
    tick(alerts, instance)
    create_run_for_test(instance, job_name="refresh", status=dg.DagsterRunStatus.FAILURE)
    with pytest.raises(AlertError, match="The next tick tries again; unsent alerts: 1"):
        tick(alerts, instance)


def test_failed_run_is_sent_once_and_older_failures_are_not(
    data: Path, instance: dg.DagsterInstance, sent: Path
) -> None:
    here = {DATA_TAG: str(data)}
    old = create_run_for_test(instance, job_name="refresh", status=dg.DagsterRunStatus.FAILURE, tags=here)
    message, cursor = tick(alerts, instance)
    assert message == "No new alerts."
    assert str(cursor).startswith((data / "published").resolve().name)
    for tags in (here, {DATA_TAG: "/elsewhere"}):
        create_run_for_test(instance, job_name="refresh_prices", status=dg.DagsterRunStatus.FAILURE, tags=tags)
    assert tick(alerts, instance, cursor)[0] == "Alerts sent: 1."
    assert tick(alerts, instance, cursor)[0] == "No new alerts."
    [alert] = map(json.loads, sent.read_text(encoding="utf-8").splitlines())
    assert (alert["kind"], alert["subject"], alert["severity"]) == ("run_failed", "refresh_prices", "error")
    assert alert["id"] != f"run_failed/{old.run_id}"


def test_failing_check_is_sent_when_it_starts_to_fail(
    data: Path,  # noqa: ARG001
    instance: dg.DagsterInstance,
    sent: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Checks failed in the run over the few recordings; a channel that was in use before gets their alerts."""
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "other"))
    with dg.DagsterInstance.ephemeral() as empty:
        tick(alerts, empty)
    [run] = instance.get_runs(limit=1)
    instance.add_run_tags(run.run_id, {DATA_TAG: str(tmp_path / "other")})
    message, _ = tick(alerts, instance)
    found = [json.loads(line) for line in sent.read_text(encoding="utf-8").splitlines()]
    assert message == f"Alerts sent: {len(found)}."
    assert {alert["kind"] for alert in found} == {"check_failed"}
    subjects = [alert["subject"] for alert in found]
    assert len(set(subjects)) == len(subjects)
    assert any(subject.startswith("published/") for subject in subjects)
    assert tick(alerts, instance)[0] == "No new alerts."


def test_housekeeping_ends_killed_runs(instance: dg.DagsterInstance) -> None:
    lost = create_run_for_test(instance, job_name="refresh", status=dg.DagsterRunStatus.STARTED)
    instance.add_run_tags(lost.run_id, {PROCESS_TAG: f"{lost.run_id} 1/of-another-boot/7"})
    message, _ = tick(housekeeping, instance)
    assert message.startswith(f"Run {lost.run_id[:8]} was killed and is now marked as failed.")
    assert tick(housekeeping, instance)[0] == "Nothing to do."
