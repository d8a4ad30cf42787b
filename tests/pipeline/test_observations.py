"""The order and time at which responses arrive do not change the marts, and the lake never loses one."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import FEW, Run, copy_recordings, differing, new_responses, replay


def file_names(files: Iterable[Path]) -> set[str]:
    return {path.name for path in files}


def lake_files(run: Run) -> list[Path]:
    return sorted((run.data / "raw").rglob("*.parquet"))


def test_late_recordings_give_the_marts_of_a_single_run(
    few_run: Run, recordings: Path, home: Path, tmp_path: Path
) -> None:
    """One late recording is older than those of the first run, the other newer; the warehouse is deleted in between."""
    late = (FEW[1], FEW[4])
    folder = copy_recordings(recordings, tmp_path / "recordings", tuple(name for name in FEW if name not in late))
    first = replay(tmp_path / "data", folder, home, now="2026-06-25")
    assert first.code == 0, first.output
    assert first.query("select max(period_start)::varchar from share_model where period = 'day'") == [("2026-06-24",)]
    files = {path: path.stat().st_mtime_ns for path in lake_files(first)}
    (tmp_path / "data" / "warehouse.duckdb").unlink()
    copy_recordings(recordings, folder, late)
    second = replay(tmp_path / "data", folder, home)
    assert second.code == 0, second.output
    assert differing(second, few_run) == []
    assert file_names(lake_files(second)) == file_names(lake_files(few_run))
    assert files.items() <= {path: path.stat().st_mtime_ns for path in lake_files(second)}.items()
    # Three responses cover 24 June; the second and third differ from the first.
    restated = "select date, observations, count(*) from restatement group by all"
    assert [(str(day), times, values) for day, times, values in second.query(restated)] == [("2026-06-24", 3, 51)]


def test_second_replay_adds_no_responses(
    everything: Run, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above shows that the same files give the same marts."""
    raw = Path(shutil.copytree(everything.data / "raw", tmp_path / "data" / "raw"))
    files = [(path, path.stat().st_mtime_ns) for path in sorted(raw.rglob("*.parquet"))]
    for name, value in (("SOURCE", "replay"), ("REPLAY_DIR", recordings), ("DATA_DIR", raw.parent)):
        monkeypatch.setenv(f"ROUTERSCOPE_{name}", str(value))
    assert new_responses() == {}
    assert [(path, path.stat().st_mtime_ns) for path in sorted(raw.rglob("*.parquet"))] == files
