"""A run after killed ones starts at once; a folder whose name needs quotes and escapes is one like any other.

test_sample proves that the figures in such a folder are those in another one: the run of the sample has such a name.
"""

import re
from pathlib import Path

import duckdb
from conftest import FEW, NAME, Run, copy_data_folder

from orchestration.alerts.events import release_alerts
from orchestration.folders import CLAIM_HISTORY
from orchestration.publish.claim_history import check_claim, record
from orchestration.storage.sql import file_pattern


def test_next_run_starts_at_once_after_kills(few_run: Run, simulated: Run) -> None:
    """The dbt of the one killed run went on; the other one was killed with all processes that it had started."""
    for after in (few_run, simulated):
        assert "was killed and is now marked as failed" in after.output
        [seconds] = re.findall(r"(\d+) s  building and checking", after.output)
        assert int(seconds) < 60
    # Nothing is lost or doubled; that the marts are those of these files is what the audit has checked.
    assert len(list((few_run.data / "raw").rglob("*.parquet"))) == len(FEW)


def test_any_folder_name_can_be_alerted_about_and_cited(sampled: Run, tmp_path: Path) -> None:
    assert sampled.data.name == NAME
    assert f"--data '{sampled.data.parent}/it'\"'\"'s [a] *test'" in sampled.output
    plain = copy_data_folder(sampled.data, tmp_path / "plain")
    data = copy_data_folder(sampled.data, tmp_path / NAME)
    published, history = (data / "published").resolve(), data / CLAIM_HISTORY
    assert [alert.id for alert in release_alerts(published)] == [
        alert.id for alert in release_alerts((plain / "published").resolve())
    ]
    later = published.with_name("20990101T000000.000000Z")
    published.rename(later)
    assert record([later], history) == 0
    [(claim,)] = duckdb.execute(
        "select min(claim_id) from read_parquet($files)", {"files": file_pattern(later / "claim.parquet")}
    ).fetchall()
    assert check_claim(claim, later, history).state == "unchanged"
