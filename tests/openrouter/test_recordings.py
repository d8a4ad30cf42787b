"""Recordings are responses fetched at the time in their file name, up to the clock."""

import datetime as dt
import gzip
import tracemalloc
from pathlib import Path

import pytest

from orchestration.errors import ResponseError, SettingsError
from orchestration.openrouter import recordings as recordings_module
from orchestration.openrouter.recordings import Recordings
from orchestration.openrouter.surfaces import MODELS, RANKINGS

NAMES = (
    "rankings-daily/20260622T050037Z.json.gz",
    "rankings-daily/20260623T104947Z.json.gz",
    "models/20260622T011321Z.json.gz",
    "models/20260623T235959Z.json.gz",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(b"{}"))
    return tmp_path


def file_names(source: Recordings, surface: object) -> list[str]:
    return [recording.path.name for recording in source.recordings(surface)]  # type: ignore[arg-type]


def test_default_clock_is_the_newest_rankings_recording(folder: Path) -> None:
    source = Recordings(folder, now=None)
    assert source.now == dt.datetime(2026, 6, 23, 10, 49, 47, tzinfo=dt.UTC)
    assert file_names(source, RANKINGS) == ["20260622T050037Z.json.gz", "20260623T104947Z.json.gz"]
    assert file_names(source, MODELS) == ["20260622T011321Z.json.gz"]


def test_recordings_after_the_clock_are_hidden(folder: Path) -> None:
    source = Recordings(folder, now=dt.datetime(2026, 6, 22, 5, 0, 37, tzinfo=dt.UTC))
    assert file_names(source, RANKINGS) == ["20260622T050037Z.json.gz"]


def test_recording_is_fetched_at_the_time_in_its_name(folder: Path) -> None:
    response = Recordings(folder, now=None).recordings(MODELS)[0].load()
    assert response.fetched_at == dt.datetime(2026, 6, 22, 1, 13, 21, tzinfo=dt.UTC)
    assert response.payload == b"{}"


def test_surface_without_recordings_is_empty(folder: Path) -> None:
    (folder / NAMES[2]).unlink()
    (folder / NAMES[3]).unlink()
    assert Recordings(folder, now=None).recordings(MODELS) == []


@pytest.mark.parametrize("name", ["20260622.json.gz", "20261345T050037Z.json.gz"])
def test_file_without_a_time_in_its_name_is_reported(folder: Path, name: str) -> None:
    (folder / "models" / name).write_bytes(b"")
    with pytest.raises(ResponseError, match=name):
        Recordings(folder, now=None).recordings(MODELS)


def test_missing_and_empty_folders_have_different_errors(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing.*which is not a folder"):
        Recordings(tmp_path / "missing", now=None)
    with pytest.raises(SettingsError, match=r"contains no rankings-daily"):
        Recordings(tmp_path, now=None)


def test_recording_is_decompressed_up_to_the_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    (folder / NAMES[2]).write_bytes(gzip.compress(bytes(64 * 1024 * 1024)))
    [bomb, whole] = Recordings(folder, now=dt.datetime(2026, 6, 24, tzinfo=dt.UTC)).recordings(MODELS)
    tracemalloc.start()
    try:
        with pytest.raises(ResponseError, match=r"20260622T011321Z.json.gz decompresses to more than 1 MiB.*None of"):
            bomb.load()
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert whole.load().payload == b"{}"


@pytest.mark.parametrize(
    "compressed",
    [b"{}", gzip.compress(b"{}")[:-1], gzip.compress(b"{}") + b"more"],
    ids=["not gzip", "truncated", "trailing bytes"],
)
def test_damaged_recording_is_reported(folder: Path, compressed: bytes) -> None:
    (folder / NAMES[2]).write_bytes(compressed)
    with pytest.raises(ResponseError, match=r"20260622T011321Z.json.gz cannot be decompressed"):
        Recordings(folder, now=None).recordings(MODELS)[0].load()
