"""The lake writes a response once, whole, and never changes it."""

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


def test_a_file_says_by_itself_where_it_comes_from(lake: Lake) -> None:
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


def test_the_name_is_the_hash_of_the_bytes(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    assert path.stem.endswith(hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def test_the_same_payload_of_the_same_moment_is_written_once(lake: Lake) -> None:
    assert lake.write("rankings", ROWS, SOURCE)
    assert lake.write("rankings", ROWS, SOURCE) is None
    [told] = lake.responses("rankings")
    assert told["payload_sha256"] == SOURCE.payload_sha256
    assert len(lake.files("rankings")) == 1


def test_another_payload_moment_or_request_is_another_observation(lake: Lake) -> None:
    lake.write("rankings", ROWS, SOURCE)
    assert lake.write("rankings", ROWS, replace(SOURCE, payload_sha256="cd" * 32))
    assert lake.write("rankings", ROWS, replace(SOURCE, as_of=MOMENT + dt.timedelta(seconds=1)))
    assert lake.write("rankings", ROWS, replace(SOURCE, fetched_at=MOMENT + dt.timedelta(hours=1)))
    assert lake.write("rankings", ROWS, replace(SOURCE, request_url=SOURCE.request_url + "?category=legal"))
    assert len(lake.files("rankings")) == 5


def test_a_response_without_rows_is_kept(lake: Lake) -> None:
    path = lake.write("rankings", ROWS.slice(0, 0), SOURCE)
    assert path is not None
    assert read_metadata(path)["rows"] == 0


def test_real_and_simulated_data_never_share_a_lake(lake: Lake) -> None:
    lake.write("rankings", ROWS, SOURCE)
    with pytest.raises(LakeError, match=r"holds real data and takes no simulated data.*ROUTERSCOPE_DATA_DIR"):
        lake.write("rankings", ROWS, replace(SOURCE, payload_sha256="cd" * 32, kind="simulated"))
    with pytest.raises(LakeError, match="holds real data"):
        lake.check_kind("simulated")
    assert len(lake.files("rankings")) == 1


def test_a_write_that_the_disk_refuses_leaves_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = lake.write("rankings", ROWS, SOURCE)

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake_module.os, "fsync", refuse)
    with pytest.raises(LakeError, match=r"No space left.*Nothing of this response was kept.*run again"):
        lake.write("rankings", ROWS, replace(SOURCE, payload_sha256="cd" * 32))
    assert {path for path in lake.root.rglob("*") if path.is_file()} == {lake.root / "KIND", lake.root / LEDGER, kept}
    assert len(lake.ledger()) == 1


def test_what_a_killed_write_left_is_swept_and_never_read(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    gone = subprocess.Popen(["true"])
    gone.wait()
    leftover = path.with_name(f"{path.name}.{gone.pid}.tmp")
    of_another = path.with_name(f"{path.name}.{os.getppid()}.tmp")
    for file in (leftover, of_another):
        file.write_bytes(b"half")
    assert lake.files("rankings") == [path]
    lake.sweep()
    assert not leftover.exists()
    # What another process is just writing is left to it.
    assert of_another.exists()
    assert path.exists()


def test_a_foreign_file_in_the_lake_is_named(lake: Lake) -> None:
    path = lake.write("rankings", ROWS, SOURCE)
    assert path is not None
    foreign = path.with_name("20260703T000500Z-x.parquet")
    foreign.write_bytes(b"PAR1")
    with pytest.raises(LakeError, match=r"x\.parquet is not a file this lake has written whole"):
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


def test_ledger_lists_each_file_as_its_footer_does(listed: Lake) -> None:
    assert len(lines(listed)) == 3
    assert listed.complete_ledger() == ""
    ledger = listed.ledger()
    assert {listed.root / name for name in ledger} == set(listed.files("*"))
    assert [row["rows"] for row in ledger.values()] == [1, 0, 1]
    for name, row in ledger.items():
        metadata = read_metadata(listed.root / name)
        del metadata["envelope"]
        assert row == metadata | {"raw_file": name}


def test_lake_without_files_has_no_ledger(lake: Lake) -> None:
    assert lake.complete_ledger() == ""
    assert lake.ledger() == {}
    assert not lake.root.exists()


def test_missing_ledger_is_rebuilt_from_footers(listed: Lake) -> None:
    before = listed.ledger()
    (listed.root / LEDGER).unlink()
    assert (
        listed.complete_ledger() == f"{listed.root / LEDGER} was missing: it was rebuilt from the footers of 3 files."
    )
    assert listed.ledger() == before
    assert listed.complete_ledger() == ""


def test_file_killed_before_its_line_is_listed(listed: Lake) -> None:
    before = listed.ledger()
    (listed.root / LEDGER).write_bytes(b"".join(lines(listed)[:-1]))
    assert "1 files were not listed and were added from their footers; 0 unreadable" in listed.complete_ledger()
    assert listed.ledger() == before


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_torn_line_costs_no_other_line(listed: Lake, cut: int) -> None:
    before = listed.ledger()
    path = listed.root / LEDGER
    path.write_bytes(path.read_bytes()[:-cut])
    added = listed.write("apps", ROWS, SOURCE)
    assert added is not None
    assert json.loads(lines(listed)[-1])["raw_file"] == added.relative_to(listed.root).as_posix()
    after = listed.ledger()
    assert {name: row for name, row in after.items() if row["surface"] != "apps"} == before
    assert [json.loads(line)["raw_file"] for line in lines(listed)] == list(after)


def test_unreadable_line_keeps_what_is_known_of_lost_files(listed: Lake) -> None:
    [lost, torn, kept] = lines(listed)
    (listed.root / json.loads(lost)["raw_file"]).unlink()
    (listed.root / LEDGER).write_bytes(lost + b"\x00\x00{" + torn[:10] + b"\n[]\n" + kept)
    assert "1 files were not listed and were added from their footers; 2 unreadable" in listed.complete_ledger()
    assert len(listed.ledger()) == 3
    assert json.loads(lost)["raw_file"] in listed.ledger()


def test_response_is_kept_if_it_cannot_be_listed(listed: Lake) -> None:
    (listed.root / LEDGER).unlink()
    (listed.root / LEDGER).mkdir()
    with pytest.raises(LakeError, match=r"was written, but could not be listed.*is kept, and the next run lists it"):
        listed.write("apps", ROWS, SOURCE)
    with pytest.raises(LakeError, match=r"ledger\.jsonl.*could not be read.*files are as they were.*run again"):
        listed.ledger()
    (listed.root / LEDGER).rmdir()
    assert len(listed.ledger()) == 4
