"""A build that was not checked as a whole is not published, however it was started and however dbt ended."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from conftest import FEW, copy_recordings

from orchestration.defs.dbt import dbt_models
from orchestration.defs.raw import raw_assets, raw_key
from orchestration.defs.resources import resources
from orchestration.errors import WarehouseError
from orchestration.openrouter.surfaces import RANKINGS
from orchestration.publish.catalog import published_tables
from orchestration.storage.releases import Releases
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST


@pytest.fixture
def data(started_from_few: Path, recordings: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(started_from_few))
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(copy_recordings(recordings, tmp_path / "recordings", FEW)))
    return started_from_few


@pytest.fixture
def silent_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dbt that succeeds without building, checking or reporting anything."""
    monkeypatch.setattr("orchestration.defs.resources.DBT_PYTHON", shutil.which("true"))


def build(selection: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [dbt_models],
        selection=selection,
        resources=resources().resources,
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def assert_not_published(data: Path) -> None:
    published = (data / "published").resolve()
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        Releases(data).publish(Warehouse(data), published_tables(MANIFEST))
    assert (data / "published").resolve() == published


@pytest.mark.usefixtures("silent_dbt")
def test_partial_build_is_not_approved(data: Path) -> None:
    assert build("key:seeds/freshness").success
    assert_not_published(data)


def test_new_raw_files_withdraw_the_approval(data: Path, recordings: Path, tmp_path: Path) -> None:
    copy_recordings(recordings, tmp_path / "recordings", ("rankings-daily/20260627T000018Z.json.gz",))
    [rankings] = [one for one in raw_assets().assets or () if one.key == raw_key(RANKINGS)]
    fetched = dg.materialize([rankings], resources=resources().resources, instance=dg.DagsterInstance.ephemeral())
    assert fetched.success
    assert_not_published(data)


@pytest.mark.usefixtures("silent_dbt")
def test_build_without_check_results_is_not_approved(data: Path) -> None:
    result = build("*")
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    reported = failure.step_failure_data.user_failure_data
    assert reported is not None
    assert "dbt exited without a result for" in str(reported.description)
    assert "The rejected build is kept in" in str(reported.description)
    assert_not_published(data)
