"""However and whenever observations arrive, the marts are the same; nothing observed is lost."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from conftest import FEW, Run, copy_recordings, differing, replay


def hashes(files: Iterable[Path]) -> set[str]:
    return {path.name for path in files}


def lake_files(run: Run) -> list[Path]:
    return sorted((run.data / "raw").rglob("*.parquet"))


def test_the_same_moment_twice_changes_nothing_even_if_the_warehouse_was_deleted(
    everything: Run, recordings: Path, home: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(everything.data / "raw", data / "raw")
    files = [(path, path.stat().st_mtime_ns) for path in sorted((data / "raw").rglob("*.parquet"))]
    rebuilt = replay(data, recordings, home)
    assert rebuilt.code == 0, rebuilt.output
    assert differing(rebuilt, everything) == []
    assert [(path, path.stat().st_mtime_ns) for path in lake_files(rebuilt)] == files


def test_a_run_a_day_ends_where_one_run_over_all_does(few_run: Run, few: Path, home: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for moment in ("2026-06-25", "2026-06-26T00:00:20Z"):
        run = replay(data, few, home, now=moment)
        assert run.code == 0, run.output
    assert differing(run, few_run) == []
    assert hashes(lake_files(run)) == hashes(lake_files(few_run))
    # 24 June was told of three times, and differently from the second time on.
    told = "select date, observations, count(*) from restatement group by all"
    assert [(str(day), times, values) for day, times, values in run.query(told)] == [("2026-06-24", 3, 51)]


def test_a_recording_that_arrives_late_takes_its_place_in_history(
    few_run: Run, recordings: Path, home: Path, tmp_path: Path
) -> None:
    late = {FEW[1], FEW[4]}
    folder = copy_recordings(recordings, tmp_path / "recordings", tuple(name for name in FEW if name not in late))
    first = replay(tmp_path / "data", folder, home)
    assert first.code == 0, first.output
    assert first.marts() != few_run.marts()
    copy_recordings(recordings, folder, tuple(late))
    second = replay(tmp_path / "data", folder, home)
    assert second.code == 0, second.output
    assert differing(second, few_run) == []
