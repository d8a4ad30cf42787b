"""The first run over a data folder of version 0.1 loses nothing, revises no claim and sends no alert again.

The run is a backfill, and is rolled back at the end.
"""

import json
import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from conftest import CommandLine, run, unpack_old_data_folder

from orchestration.definitions import defs
from orchestration.defs.sensors import alerts
from orchestration.openrouter.surfaces import RANKINGS
from orchestration.publish.claim_history import check_claim
from orchestration.storage.lake import Lake
from orchestration.storage.migrations import is_due

pytestmark = pytest.mark.xdist_group("upgrade")

# The simulation and the clock of the last run that version 0.1 made in the folder.
SETTINGS = {
    "DAGSTER_HOME": "",  # as most users have it: the history is kept in the data folder
    "ROUTERSCOPE_SOURCE": "simulator",
    "ROUTERSCOPE_SIMULATOR": '{"models": 60, "days": 45, "observations": 10}',
    "ROUTERSCOPE_NOW": "2026-08-03T06:00:00Z",
}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after its first run, and what of the old one is to be found again."""
    folder = tmp_path_factory.mktemp("upgrade")
    unpack_old_data_folder(folder)
    data = folder / "data"
    assert is_due(data)
    done = run(data, Path(), "backfill", **SETTINGS)
    assert done.code == 0, done.output
    assert f"{data / 'claim_history'}" in done.output
    return data


def test_reworded_claims_are_no_revisions(upgraded: Path) -> None:
    history = upgraded / "claim_history"
    *old, new = sorted(path for path in history.glob("*.parquet"))
    assert len(old) == 2
    # Version 0.1 left the simulator's models unclassified; no other claim has a new version.
    assert {claim_id.split("/")[0] for (claim_id,) in duckdb.read_parquet(str(new)).project("claim_id").fetchall()} == {
        "open_weights"
    }
    rows = duckdb.execute(
        "select claim_id, max(as_of) from read_parquet($files) where claim_id not like 'open_weights/%' group by all",
        {"files": f"{history}/*.parquet"},
    ).fetchall()
    published = (upgraded / "published").resolve()
    verdicts = [check_claim(claim_id, published, history, as_of) for claim_id, as_of in rows]
    still_published = [verdict for verdict in verdicts if verdict.now]
    assert sum(verdict.now.statement != verdict.versions[-1].statement for verdict in still_published) > 100
    assert {verdict.state for verdict in still_published} == {"unchanged"}


def test_no_alert_is_sent_again(upgraded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SETTINGS, "ROUTERSCOPE_DATA_DIR": str(upgraded), "ROUTERSCOPE_ALERTS_LOG": "1"}.items():
        monkeypatch.setenv(name, value)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        context = dg.build_sensor_context(instance=instance, repository_def=defs().get_repository_def())
        assert alerts(context).skip_message == "No new alerts."


def test_days_of_the_backfill_are_fetched_again(upgraded: Path) -> None:
    requests = [response["request_url"] for response in Lake(upgraded / "raw").responses(RANKINGS.name)]
    assert sum("start_date=2026-07-01" in url and "end_date=2026-07-03" in url for url in requests) == 11


def test_all_releases_and_bodies_are_kept(upgraded: Path) -> None:
    releases = sorted(path.name for path in (upgraded / "releases").glob("*Z"))
    assert len(releases) == 3
    assert (upgraded / "published").resolve().name == releases[-1]
    assert len(list((upgraded / "quarantine").rglob("*.json.gz"))) == 1


def test_rollback_publishes_the_old_release(upgraded: Path, tmp_path: Path, command_line: CommandLine) -> None:
    data = Path(shutil.copytree(upgraded, tmp_path / "data", symlinks=True))
    *_, earlier, newest = sorted((data / "releases").glob("*Z"))
    done = run(data, Path(), "rollback", **SETTINGS)
    assert done.code == 0, done.output
    assert (data / "published").resolve().name == earlier.name
    assert newest.exists()
    status = json.loads(command_line("status", "--json", "--data", str(data)).stdout)
    assert status["last_run"]["state"] == "SUCCESS"
    assert (data / "dagster_home" / "history").is_dir()
