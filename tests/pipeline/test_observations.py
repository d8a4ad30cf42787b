"""The order and time at which responses arrive do not change the marts, and the lake never loses one."""

import shutil
from pathlib import Path

import pytest
from conftest import FEW, Run, copy_recordings, new_responses

from orchestration.storage.lake import Lake


def files_and_times(lake: Lake) -> dict[str, int]:
    """Modification times of the lake's files by path."""
    return {str(path.relative_to(lake.root)): path.stat().st_mtime_ns for path in lake.files("*")}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake that the settings name."""
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
    return Lake(tmp_path / "data" / "raw")


def test_late_recordings_give_the_files_of_a_single_run(
    few_run: Run, recordings: Path, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One late recording is older than those fetched before, the other newer. A file's name has the hash of its bytes.

    test_laws shows that any order of responses gives the same marts, and test_kills that a second run does.
    """
    late = (FEW[1], FEW[4])
    folder = copy_recordings(recordings, tmp_path / "recordings", tuple(name for name in FEW if name not in late))
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(folder))
    monkeypatch.setenv("ROUTERSCOPE_NOW", "2026-06-25")
    assert new_responses() == {"rankings": 1, "models": 2}
    before = files_and_times(lake)
    copy_recordings(recordings, folder, late)
    monkeypatch.delenv("ROUTERSCOPE_NOW")
    assert new_responses() == {"rankings": 2, "models": 1}
    assert before.items() <= files_and_times(lake).items()
    assert files_and_times(lake).keys() == files_and_times(Lake(few_run.data / "raw")).keys()


def test_second_replay_adds_no_responses(
    everything: Run, recordings: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(everything.data / "raw", lake.root)
    before = files_and_times(lake)
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(recordings))
    assert new_responses() == {}
    assert files_and_times(lake) == before


def test_values_that_differ_between_responses_are_restated(few_run: Run) -> None:
    """Three responses cover 24 June; the second and third differ from the first."""
    restated = "select cast(date as varchar), observations, count(*) from restatement group by all"
    assert few_run.query(restated) == [("2026-06-24", 3, 51)]
