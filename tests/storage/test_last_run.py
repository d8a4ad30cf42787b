"""The record of the newest run is readable without Dagster, whatever happened to the run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.storage.files import locked
from orchestration.storage.last_run import LAST_RUN, last_run, record_end, record_start
from orchestration.storage.processes import RUN_LOCK, is_running, process_identity


def test_run_in_progress_has_not_ended(tmp_path: Path) -> None:
    record_start(tmp_path, "one")
    run = last_run(tmp_path)
    assert run is not None
    assert (run.run_id, run.state, run.ended, run.is_killed(tmp_path)) == ("one", "STARTED", None, False)


def test_end_replaces_start(tmp_path: Path) -> None:
    record_start(tmp_path, "one")
    record_end(tmp_path, "one", "FAILURE")
    run = last_run(tmp_path)
    assert run is not None
    assert (run.state, run.is_killed(tmp_path)) == ("FAILURE", False)
    assert str(run.ended).endswith("+00:00")


def test_run_whose_process_is_gone_was_killed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    identity = process_identity(process.pid)
    process.kill()
    process.wait()
    record_start(tmp_path, "one")
    record = json.loads((tmp_path / LAST_RUN).read_text(encoding="utf-8"))
    (tmp_path / LAST_RUN).write_text(json.dumps(record | {"process": identity}), encoding="utf-8")
    run = last_run(tmp_path)
    assert run is not None
    assert run.is_killed(tmp_path)


OTHER_TYPES = '{"run_id": 1, "state": 2, "ended": 3, "process": 4}'


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run_id": "one"}', "null", "\x00", "[" * 9999, OTHER_TYPES])
def test_damaged_record_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / LAST_RUN).write_text(content, encoding="utf-8")
    assert last_run(tmp_path) is None


@pytest.mark.parametrize("identity", ["", "/", "garbage", "²/x", "9" * 30, "-1/x"])
def test_text_that_is_no_process_does_not_run(identity: str, tmp_path: Path) -> None:
    assert not is_running(identity, tmp_path)


def test_run_in_another_container_holds_the_lock(tmp_path: Path) -> None:
    record_start(tmp_path, "one")
    record = json.loads((tmp_path / LAST_RUN).read_text(encoding="utf-8"))
    elsewhere = f"{record['process'].rpartition('/')[0]}/pid:[1]"
    (tmp_path / LAST_RUN).write_text(json.dumps(record | {"process": elsewhere}), encoding="utf-8")
    run = last_run(tmp_path)
    assert run is not None
    assert run.is_killed(tmp_path)
    with locked(tmp_path / RUN_LOCK):
        assert not run.is_killed(tmp_path)
    assert run.is_killed(tmp_path)
