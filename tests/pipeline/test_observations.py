"""However and whenever observations arrive, the marts are the same; nothing observed is lost."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import FEW, Run, copy_recordings, differing, new_responses, replay


def hashes(files: Iterable[Path]) -> set[str]:
    return {path.name for path in files}


def lake_files(run: Run) -> list[Path]:
    return sorted((run.data / "raw").rglob("*.parquet"))


def test_a_run_a_day_with_one_that_arrives_late_ends_where_one_run_over_all_does(
    few_run: Run, recordings: Path, home: Path, tmp_path: Path
) -> None:
    """One of the late recordings is older than what the first run took in, the other newer; the warehouse is gone."""
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
    assert hashes(lake_files(second)) == hashes(lake_files(few_run))
    assert files.items() <= {path: path.stat().st_mtime_ns for path in lake_files(second)}.items()
    # 24 June was told of three times, and differently from the second time on.
    told = "select date, observations, count(*) from restatement group by all"
    assert [(str(day), times, values) for day, times, values in second.query(told)] == [("2026-06-24", 3, 51)]


def test_the_same_recordings_twice_change_nothing(
    everything: Run, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is built of the same files is the same, as the test above shows."""
    raw = Path(shutil.copytree(everything.data / "raw", tmp_path / "data" / "raw"))
    files = [(path, path.stat().st_mtime_ns) for path in sorted(raw.rglob("*.parquet"))]
    for name, value in (("SOURCE", "replay"), ("REPLAY_DIR", recordings), ("DATA_DIR", raw.parent)):
        monkeypatch.setenv(f"ROUTERSCOPE_{name}", str(value))
    assert new_responses() == {}
    assert [(path, path.stat().st_mtime_ns) for path in sorted(raw.rglob("*.parquet"))] == files
