"""The first run over a data folder of version 0.1 loses nothing, revises no claim and sends no alert again."""

from pathlib import Path

import dagster as dg
import duckdb
import pytest
from conftest import run, unpack_old_data_folder

from orchestration.definitions import defs
from orchestration.defs.sensors import alerts
from orchestration.publish.claim_history import check_claim
from orchestration.storage.migrations import is_due

pytestmark = pytest.mark.xdist_group("upgrade")

# The simulation and the clock of the last run that version 0.1 made in the folder.
SETTINGS = {
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
    done = run(data, Path(), "simulator", DAGSTER_HOME="", **SETTINGS)
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


def test_all_releases_and_bodies_are_kept(upgraded: Path) -> None:
    releases = sorted(path.name for path in (upgraded / "releases").glob("*Z"))
    assert len(releases) == 3
    assert (upgraded / "published").resolve().name == releases[-1]
    assert len(list((upgraded / "quarantine").rglob("*.json.gz"))) == 1
