"""The first run over a data folder of version 0.1 loses nothing, revises no claim and sends no alert again.

It is the run that many tests share; it follows a backfill that was killed, and is rolled back at the end.
"""

import json
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from code_location import definitions
from conftest import KILLED_OUTPUT, SIMULATED, CommandLine, Run, copy_data_folder, run

from orchestration.defs.sensors import alerts
from orchestration.openrouter.surfaces import RANKINGS
from orchestration.publish.claim_history import check_claim
from orchestration.storage.lake import Lake

pytestmark = pytest.mark.xdist_group("upgrade")


def test_reworded_claims_are_no_revisions(simulated: Run) -> None:
    history = simulated.data / "claim_history"
    *old, new = sorted(path for path in history.glob("*.parquet"))
    assert len(old) == 2
    files = {"old": list(map(str, old)), "new": str(new)}
    # Version 0.1 left the models unclassified. No other claim of a period that it covered is new or has a new
    # version; the backfill has added earlier periods.
    kinds = duckdb.execute(
        """
        with claims as (from read_parquet($new) select claim_id, claim_id[position('/' in claim_id):] as period)
        select distinct split_part(claim_id, '/', 1) from claims
        where period in (select claim_id[position('/' in claim_id):] from read_parquet($old))
        """,
        files,
    ).fetchall()
    assert kinds == [("open_weights",)]
    rows = duckdb.execute(
        "select claim_id, max(as_of) from read_parquet($old) where claim_id not like 'open_weights/%' group by all",
        {"old": files["old"]},
    ).fetchall()
    published = (simulated.data / "published").resolve()
    verdicts = [check_claim(claim_id, published, history, as_of) for claim_id, as_of in rows]
    still_published = [verdict for verdict in verdicts if verdict.now]
    assert sum(verdict.now.statement != verdict.versions[-1].statement for verdict in still_published) > 100
    assert {verdict.state for verdict in still_published} == {"unchanged"}


def test_no_alert_is_sent_again(simulated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        **SIMULATED,
        "ROUTERSCOPE_DATA_DIR": str(simulated.data),
        "ROUTERSCOPE_ALERTS_LOG": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        context = dg.build_sensor_context(instance=instance, repository_def=definitions().get_repository_def())
        assert alerts(context).skip_message == "No new alerts."


def test_moved_folders_are_named(simulated: Run) -> None:
    killed = (simulated.data.parent / KILLED_OUTPUT).read_text(encoding="utf-8")
    assert f"to {simulated.data / 'claim_history'}." in killed


def test_days_of_the_backfill_are_fetched_again(simulated: Run) -> None:
    requests = [response["request_url"] for response in Lake(simulated.data / "raw").responses(RANKINGS.name)]
    assert sum("start_date=2026-05-15" in url and "end_date=2026-07-03" in url for url in requests) == 11


def test_all_releases_and_bodies_are_kept(simulated: Run) -> None:
    releases = sorted(path.name for path in (simulated.data / "releases").glob("*Z"))
    assert len(releases) == 3
    assert (simulated.data / "published").resolve().name == releases[-1]
    assert len(list((simulated.data / "quarantine").rglob("*.json.gz"))) == 1


def test_rollback_publishes_the_old_release(simulated: Run, tmp_path: Path, command_line: CommandLine) -> None:
    data = copy_data_folder(simulated.data, tmp_path / "data")
    *_, earlier, newest = sorted((data / "releases").glob("*Z"))
    done = run(data, Path(), "rollback", **SIMULATED)
    assert done.code == 0, done.output
    assert (data / "published").resolve().name == earlier.name
    assert newest.exists()
    status = json.loads(command_line("status", "--json", "--data", str(data)).stdout)
    assert status["last_run"]["state"] == "SUCCESS"
    assert (data / "dagster_home" / "history").is_dir()
