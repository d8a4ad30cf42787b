"""The lake writes a response once, completely, and never changes it."""

import datetime as dt
import hashlib
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.errors import LakeError
from orchestration.storage import lake as lake_module
from orchestration.storage.lake import LEDGER, PROVENANCE, Lake, Provenance, read_metadata

MOMENT = dt.datetime(2026, 7, 3, 0, 5, tzinfo=dt.UTC)
ROWS = pa.table({"date": ["2026-07-01"], "tokens": [5]})
SOURCE = Provenance(
    as_of=MOMENT,
    fetched_at=MOMENT + dt.timedelta(seconds=2),
    request_url="https://openrouter.ai/api/v1/datasets/rankings-daily",
    source_url="https://openrouter.ai/rankings",
    citation="Source: OpenRouter",
    licence="CC BY 4.0",
    payload_sha256="ab" * 32,
    schema_version=1,
    request={"start_date": "2026-07-01"},
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "raw")


def test_file_contains_its_provenance(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    assert path.parent.name == "observed_date=2026-07-03"
    assert path.name.startswith("20260703T000500Z-")
    table = pq.read_table(path, partitioning=None)
    assert table.column_names == [*ROWS.column_names, *PROVENANCE.names]
    assert table.column("as_of").to_pylist() == [MOMENT]
    assert table.column("kind").to_pylist() == ["real"]
    metadata = read_metadata(path)
    assert (metadata["surface"], metadata["rows"]) == ("rankings", 1)
    assert metadata["request"] == {"start_date": "2026-07-01"}


def test_file_name_contains_the_hash_of_the_bytes(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    assert path.stem.endswith(hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def test_same_response_is_written_once(lake: Lake) -> None:
    assert lake.write("rankings", ROWS, SOURCE)
    assert lake.write("rankings", ROWS, SOURCE) is None
    [metadata] = lake.responses("rankings")
    assert metadata["payload_sha256"] == SOURCE.payload_sha256
    assert len(lake.files("rankings")) == 1


def test_other_payload_time_or_request_is_written(lake: Lake) -> None:
    lake.write("rankings", ROWS, SOURCE)
    assert lake.write("rankings", ROWS, replace(SOURCE, payload_sha256="cd" * 32))
    assert lake.write("rankings", ROWS, replace(SOURCE, as_of=MOMENT + dt.timedelta(seconds=1)))
    assert lake.write("rankings", ROWS, replace(SOURCE, fetched_at=MOMENT + dt.timedelta(hours=1)))
    assert lake.write("rankings", ROWS, replace(SOURCE, request_url=SOURCE.request_url + "?category=legal"))
    assert len(lake.files("rankings")) == 5


def test_response_without_rows_is_written(lake: Lake) -> None:
    path = lake.write("rankings", ROWS.slice(0, 0), SOURCE)
    assert path is not None
    assert read_metadata(path)["rows"] == 0


def test_lake_refuses_the_other_kind_of_data(lake: Lake) -> None:
    lake.write("rankings", ROWS, SOURCE)
    with pytest.raises(LakeError, match=r"holds real data and refuses simulated data.*ROUTERSCOPE_DATA_DIR"):
        lake.write("rankings", ROWS, replace(SOURCE, payload_sha256="cd" * 32, kind="simulated"))
    with pytest.raises(LakeError, match="holds real data"):
        lake.check_kind("simulated")
    assert len(lake.files("rankings")) == 1


def test_failed_write_leaves_no_file(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = lake.write("rankings", ROWS, SOURCE)

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake_module.os, "fsync", refuse)
    with pytest.raises(LakeError, match=r"No space left.*This response was not kept.*run again"):
        lake.write("rankings", ROWS, replace(SOURCE, payload_sha256="cd" * 32))
    assert {path for path in lake.root.rglob("*") if path.is_file()} == {lake.root / "KIND", lake.root / LEDGER, kept}
    assert len(lake.ledger()) == 1


def test_unfinished_writes_are_ignored_and_removed(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    ended = subprocess.Popen(["true"])
    ended.wait()
    unfinished = path.with_name(f"{path.name}.{ended.pid}.tmp")
    in_progress = path.with_name(f"{path.name}.{os.getppid()}.tmp")
    for file in (unfinished, in_progress):
        file.write_bytes(b"half")
    assert lake.files("rankings") == [path]
    lake.remove_unfinished_writes()
    assert not unfinished.exists()
    assert in_progress.exists()  # its process is alive
    assert path.exists()


def test_foreign_file_raises_an_error_with_its_name(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    foreign = path.with_name("20260703T000500Z-x.parquet")
    foreign.write_bytes(b"PAR1")
    with pytest.raises(LakeError, match=r"x\.parquet is not a complete file of this lake"):
        lake.responses("rankings")


def test_file_that_may_not_be_read_is_not_called_incomplete(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    lake.write("rankings", ROWS, SOURCE)
    monkeypatch.setattr(pq, "read_metadata", refuse)
    with pytest.raises(LakeError, match=r"\.parquet cannot be read: Permission denied.*Fix the file's permissions"):
        lake.responses("rankings")


@pytest.fixture
def listed(lake: Lake) -> Lake:
    """A lake of three files on two surfaces, one of them without rows."""
    lake.write("rankings", ROWS, SOURCE)
    lake.write("rankings", ROWS.slice(0, 0), replace(SOURCE, payload_sha256="cd" * 32))
    lake.write("models", ROWS, replace(SOURCE, request={}, envelope='{"large": true}'))
    return lake


def lines(lake: Lake) -> list[bytes]:
    return (lake.root / LEDGER).read_bytes().splitlines(keepends=True)


def test_ledger_equals_the_footers(listed: Lake) -> None:
    assert len(lines(listed)) == 3
    assert listed.complete_ledger() == ""
    ledger = listed.ledger()
    assert {listed.root / name for name in ledger} == set(listed.files("*"))
    assert [row["rows"] for row in ledger.values()] == [1, 0, 1]
    for name, row in ledger.items():
        metadata = read_metadata(listed.root / name)
        del metadata["envelope"]
        assert row == metadata | {"raw_file": name}


def test_empty_lake_has_no_ledger(lake: Lake) -> None:
    assert lake.complete_ledger() == ""
    assert lake.ledger() == {}
    assert not lake.root.exists()


def test_missing_ledger_is_rebuilt_from_footers(listed: Lake) -> None:
    before = listed.ledger()
    (listed.root / LEDGER).unlink()
    assert (
        listed.complete_ledger() == f"{listed.root / LEDGER} was missing and was rebuilt from the footers of 3 files."
    )
    assert listed.ledger() == before
    assert listed.complete_ledger() == ""


def test_file_without_a_ledger_line_is_added(listed: Lake) -> None:
    before = listed.ledger()
    (listed.root / LEDGER).write_bytes(b"".join(lines(listed)[:-1]))
    assert "Files added from their footers: 1; invalid lines removed: 0." in listed.complete_ledger()
    assert listed.ledger() == before


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_cut_ledger_line_leaves_other_lines_intact(listed: Lake, cut: int) -> None:
    before = listed.ledger()
    path = listed.root / LEDGER
    path.write_bytes(path.read_bytes()[:-cut])
    added = listed.write("apps", ROWS, SOURCE)
    assert added is not None
    assert json.loads(lines(listed)[-1])["raw_file"] == added.relative_to(listed.root).as_posix()
    after = listed.ledger()
    assert {name: row for name, row in after.items() if row["surface"] != "apps"} == before
    assert [json.loads(line)["raw_file"] for line in lines(listed)] == list(after)


def test_invalid_lines_are_removed_lost_files_stay(listed: Lake) -> None:
    [lost, cut, kept] = lines(listed)
    (listed.root / json.loads(lost)["raw_file"]).unlink()
    (listed.root / LEDGER).write_bytes(lost + b"\x00\x00{" + cut[:10] + b"\n[]\n" + kept)
    assert "Files added from their footers: 1; invalid lines removed: 2." in listed.complete_ledger()
    assert len(listed.ledger()) == 3
    assert json.loads(lost)["raw_file"] in listed.ledger()


def test_response_is_kept_if_the_ledger_cannot_be_written(listed: Lake) -> None:
    (listed.root / LEDGER).unlink()
    (listed.root / LEDGER).mkdir()
    with pytest.raises(LakeError, match=r"was written, but could not be listed.*is kept, and the next run lists it"):
        listed.write("apps", ROWS, SOURCE)
    with pytest.raises(LakeError, match=r"ledger\.jsonl.*could not be read.*files are unchanged.*run again"):
        listed.ledger()
    (listed.root / LEDGER).rmdir()
    assert len(listed.ledger()) == 4


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"imaginary\n"])
def test_unknown_kind_is_never_taken_for_real(content: bytes, lake: Lake) -> None:
    lake.write("rankings", ROWS, SOURCE)
    (lake.root / "KIND").write_bytes(content)
    for use in (lambda: lake.kind, lambda: lake.check_kind("real"), lambda: lake.is_simulated):
        with pytest.raises(LakeError, match="not real or simulated"):
            use()
