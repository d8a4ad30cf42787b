"""What a replay says about recordings that it does not read."""

import datetime as dt
import gzip
from pathlib import Path

import pytest

from orchestration.ingest.sources.replay import Replay
from orchestration.openrouter.recordings import Recordings
from orchestration.openrouter.surfaces import MODELS, RANKINGS_EXPORT, TASKS

CLOCK = dt.datetime(2026, 6, 22, 6, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "rankings-daily/20260622T050037Z.json.gz",
        "rankings-daily/20260623T104947Z.json.gz",
        "models/20260622T071321Z.json.gz",
        "exports/index.2026-10-08.json",
        "exports/rankings-daily.sample.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(b"{}"))
    return tmp_path


def test_later_recordings_are_counted(folder: Path) -> None:
    assert Replay(Recordings(folder, CLOCK)).explain() == [
        "Clock 22 June 2026, 06:00 UTC: 2 later recordings are ignored."
    ]
    assert Replay(Recordings(folder, None)).explain() == ["Clock 23 June 2026, 10:49 UTC: none is later."]


def test_reason_for_no_recordings_says_what_the_folder_has(folder: Path) -> None:
    source = Replay(Recordings(folder, CLOCK))
    assert source.why_empty(TASKS) == "no recordings (tasks/)"
    assert source.why_empty(MODELS) == "no recordings up to the clock (models/ has 1 later)"
    assert (
        source.why_empty(RANKINGS_EXPORT)
        == "no recordings (exports/ has 2 files named otherwise than <UTC time>.json.gz)"
    )
