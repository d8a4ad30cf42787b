"""The event log of a run in this process: Dagster's own files, read by every other process with Dagster's own class."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from conftest import PROJECT
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from postgres import PASSWORD, variables

from orchestration.defs.event_log import _MAX_OPEN_FILES, EventLog, open_instance
from orchestration.errors import SettingsError


@dg.asset
def counted() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 7})


def materialize(instance: dg.DagsterInstance) -> str:
    return dg.materialize([counted], instance=instance).run_id


def test_events_are_readable_with_the_default_class(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        run_id = materialize(instance)
        ours = [entry.to_json() for entry in instance.all_logs(run_id)]
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        assert [entry.to_json() for entry in instance.all_logs(run_id)] == ours
        [event] = instance.fetch_materializations(dg.AssetKey("counted"), limit=2).records
        assert event.asset_materialization.metadata["rows"].value == 7
        second = materialize(instance)
    with open_instance(tmp_path) as instance:
        assert {run.run_id for run in instance.get_runs()} == {run_id, second}
        assert instance.all_logs(second)


def test_few_files_stay_open(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        runs = [materialize(instance) for _ in range(_MAX_OPEN_FILES + 2)]
        assert len(instance.event_log_storage._engines) == _MAX_OPEN_FILES
        assert all(instance.all_logs(run_id) for run_id in runs)


def test_events_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    """Only with a write-ahead log, where a power failure then damages nothing."""
    with open_instance(tmp_path) as instance:
        run_id = materialize(instance)
        log = instance.event_log_storage
        for connection in (log.index_connection, lambda: log.run_connection(run_id)):
            with connection() as opened:
                found = [opened.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous")]
                assert found == ["wal", 1]


@pytest.mark.parametrize(
    "configured",
    [
        "storage: {{sqlite: {{base_dir: {home}}}}}",
        "event_log_storage: {{module: dagster._core.storage.event_log, class: SqliteEventLogStorage, "
        "config: {{base_dir: {home}}}}}",
    ],
)
def test_configured_storage_is_kept(configured: str, tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(configured.format(home=tmp_path), encoding="utf-8")
    with open_instance(tmp_path) as instance:
        assert not isinstance(instance.event_log_storage, EventLog)


@pytest.mark.parametrize(
    "text", ["a: [", "garbage", "unknown_key: 1", "telemetry: 5", "run_storage: {module: x, class: y}"]
)
def test_unusable_dagster_yaml_is_a_settings_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"Dagster cannot use {tmp_path} .*Nothing was run\. Correct or delete"):
        open_instance(tmp_path)


def test_missing_variable_of_dagster_yaml_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(PROJECT / "deploy" / "dagster.yaml", tmp_path)
    for name, value in variables("postgresql://user@127.0.0.1:9/database").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("POSTGRES_HOST")
    with pytest.raises(SettingsError, match=r"variable \"POSTGRES_HOST\" which is not set") as error:
        open_instance(tmp_path)
    assert PASSWORD not in str(error.value)


def test_output_is_captured_only_if_the_home_says_so(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.compute_log_manager, NoOpComputeLogManager)
    module = "dagster._core.storage.local_compute_log_manager"
    (tmp_path / "dagster.yaml").write_text(
        f"compute_logs: {{module: {module}, class: LocalComputeLogManager, config: {{base_dir: {tmp_path}}}}}",
        encoding="utf-8",
    )
    with open_instance(tmp_path) as instance:
        assert isinstance(instance.compute_log_manager, LocalComputeLogManager)
