"""The summary of a surface in the lake."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from orchestration.ingest.summary import summarize
from orchestration.openrouter.surfaces import MODELS, RANKINGS
from orchestration.storage.lake import Lake, Provenance

FIRST = dt.datetime(2026, 7, 3, 0, 5, tzinfo=dt.UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "raw")
    for number, days in enumerate([(1, 2), (2, 3)]):
        moment = FIRST + number * dt.timedelta(days=1)
        dates = [dt.date(2026, 7, day) for day in days for _ in range(20)]
        rows = pa.table({"date": dates, "tokens": range(40), "category": [None] * 40})
        provenance = Provenance(
            moment, moment, f"https://a/{number}", "https://a", f"Cite {number}", "", f"{number}", 1
        )
        lake.write(RANKINGS.name, rows, provenance)
    models = pa.table({"id": ["a/b"]})
    lake.write(MODELS.name, models, Provenance(FIRST, FIRST, "https://m", "https://m", "", "", "2", 1))
    return lake


def test_surface_without_responses_has_no_summary(tmp_path: Path) -> None:
    assert summarize(RANKINGS, Lake(tmp_path / "raw")) is None


def test_summary_counts_all_and_describes_the_newest(lake: Lake) -> None:
    summary = summarize(RANKINGS, lake)
    assert summary is not None
    assert (summary.rows, summary.responses) == (80, 2)
    assert summary.bytes == sum(path.stat().st_size for path in lake.files(RANKINGS.name))
    assert summary.days == ["2026-07-01", "2026-07-02", "2026-07-03"]
    assert summary.newest_as_of == "2026-07-04T00:05:00+00:00"
    assert (summary.kind, summary.request_url, summary.citation) == ("real", "https://a/1", "Cite 1")


def test_preview_has_the_newest_day_without_empty_columns(lake: Lake) -> None:
    summary = summarize(RANKINGS, lake)
    assert summary is not None
    assert summary.preview.column_names == ["date", "tokens"]
    assert summary.preview.column("date").unique().to_pylist() == [dt.date(2026, 7, 3)]
    assert summary.preview.num_rows == 10


def test_rows_without_dates_count_days_of_observation(lake: Lake) -> None:
    summary = summarize(MODELS, lake)
    assert summary is not None
    assert summary.days == ["2026-07-03"]
