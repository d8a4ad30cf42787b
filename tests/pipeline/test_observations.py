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


def test_a_run_a_day_with_one_that_arrives_late_ends_where_one_run_over_all_does(
    few_run: Run, recordings: Path, home: Path, tmp_path: Path
) -> None:
    """One of the late recordings is older than what the first run took in, the other newer."""
    late = (FEW[1], FEW[4])
    folder = copy_recordings(recordings, tmp_path / "recordings", tuple(name for name in FEW if name not in late))
    first = replay(tmp_path / "data", folder, home, now="2026-06-25")
    assert first.code == 0, first.output
    assert first.query("select max(period_start)::varchar from share_model where period = 'day'") == [("2026-06-24",)]
    copy_recordings(recordings, folder, late)
    second = replay(tmp_path / "data", folder, home)
    assert second.code == 0, second.output
    assert differing(second, few_run) == []
    assert hashes(lake_files(second)) == hashes(lake_files(few_run))
    # 24 June was told of three times, and differently from the second time on.
    told = "select date, observations, count(*) from restatement group by all"
    assert [(str(day), times, values) for day, times, values in second.query(told)] == [("2026-06-24", 3, 51)]
