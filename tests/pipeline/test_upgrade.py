"""The first run over a data folder of version 0.1 loses nothing, revises no claim and sends no alert again."""

import subprocess
import tarfile
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from conftest import PROJECT, REFRESH, environment

from orchestration.definitions import defs
from orchestration.defs.sensors import alerts
from orchestration.publish.claim_history import check_claim
from orchestration.storage.migrations import is_due

FIXTURE = PROJECT / "tests" / "fixtures" / "data_folder_0.1.tar.xz"
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
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(folder, filter="data")
    data = folder / "data"
    assert is_due(data)
    done = subprocess.run(
        REFRESH,
        cwd=PROJECT,
        env=environment(Path(), **SETTINGS, ROUTERSCOPE_DATA_DIR=data) | {"DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{data / 'claim_history'}" in done.stdout
    return data


def test_reworded_claims_are_no_revisions(upgraded: Path) -> None:
    history = upgraded / "claim_history"
    files = sorted(path.name for path in history.glob("*.parquet"))
    assert len(files) == 2, "the new release has no new version of any claim"
    rows = duckdb.execute("select distinct claim_id from read_parquet($files)", {"files": f"{history}/*.parquet"})
    claims = [claim_id for (claim_id,) in rows.fetchall()]
    published = (upgraded / "published").resolve()
    newest = {claim_id: check_claim(claim_id, published, history) for claim_id in claims}
    assert len(newest) > 100
    reworded = [one for one in newest.values() if one.now and one.now.statement != one.versions[-1].statement]
    assert len(reworded) > 100
    as_of_last = [
        check_claim(claim_id, published, history, verdict.versions[-1].as_of) for claim_id, verdict in newest.items()
    ]
    assert {verdict.state for verdict in as_of_last if verdict.now} == {"unchanged"}


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
