"""A run after killed ones, in a folder whose name needs quotes and escapes, gives the figures of any other run."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, REFRESH, Run, copy_recordings, differing, make_home, replay, replay_environment
from test_inventory import NAME

from orchestration.alerts.events import release_alerts
from orchestration.publish.claim_history import CLAIM_HISTORY, check_claim, record
from orchestration.storage.sql import file_pattern

pytestmark = pytest.mark.xdist_group("kills")

SECONDS_UNTIL_DBT = 120


def is_open_elsewhere(file: Path, process: int) -> bool:
    """Whether another process than this one has locked the file."""
    locks = [line.split() for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines()]
    return file.exists() and any(
        lock[5].endswith(f":{file.stat().st_ino}") and lock[4] != str(process) for lock in locks
    )


def killed_run(kill: Callable[[int], None], data: Path, few: Path, home: Path) -> str:
    """The output of a run that is killed while dbt has the warehouse open."""
    run = subprocess.Popen(
        REFRESH,
        cwd=PROJECT,
        env=replay_environment(data, few, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    assert run.stdout is not None
    output = ""
    for line in run.stdout:
        output += line
        if "building and checking" in line:
            break
    deadline = time.monotonic() + SECONDS_UNTIL_DBT
    while not is_open_elsewhere(data / "warehouse.duckdb", run.pid):
        assert time.monotonic() < deadline, output
        time.sleep(0.1)
    kill(run.pid)
    run.wait(timeout=10)
    run.stdout.close()
    return output


@pytest.fixture(scope="module")
def runs(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Run]:
    """The output of the second killed run, and the run after it.

    The dbt of the first one goes on. The second one was killed with all processes that it started.
    """
    folder = tmp_path_factory.mktemp("kills")
    few, home = copy_recordings(recordings, folder / "recordings"), make_home(folder / "home")
    killed_run(lambda run: os.kill(run, signal.SIGKILL), folder / NAME, few, home)
    output = killed_run(lambda run: os.killpg(run, signal.SIGKILL), folder / NAME, few, home)
    return output, replay(folder / NAME, few, home)


def test_next_run_starts_at_once_after_kills(runs: tuple[str, Run]) -> None:
    killed, run = runs
    assert run.code == 0, run.output
    for output in (killed, run.output):
        assert "was killed and is now marked as failed" in output
    [seconds] = re.findall(r"(\d+) s  building and checking", run.output)
    assert int(seconds) < 60


def test_any_folder_name_gives_the_same_figures(runs: tuple[str, Run], few_run: Run, tmp_path: Path) -> None:
    _, run = runs
    assert differing(run, few_run) == []
    assert f"--data '{run.data.parent}/it'\"'\"'s [a] *test'" in run.output
    data = Path(shutil.copytree(run.data, tmp_path / NAME, symlinks=True))
    published, history = (data / "published").resolve(), data / CLAIM_HISTORY
    assert [alert.id for alert in release_alerts(published)] == [
        alert.id for alert in release_alerts((few_run.data / "published").resolve())
    ]
    later = published.with_name("20990101T000000.000000Z")
    published.rename(later)
    assert record([later], history) == 0
    [(claim,)] = duckdb.execute(
        "select min(claim_id) from read_parquet($files)", {"files": file_pattern(later / "claim.parquet")}
    ).fetchall()
    assert check_claim(claim, later, history).state == "unchanged"
