"""The lake writes a response once, whole, and never changes it."""

import datetime as dt
import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration import lake as lake_module
from orchestration.errors import LakeError
from orchestration.lake import PROVENANCE, Lake, Provenance, read_metadata

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
    [told] = lake.observations("rankings")
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
    assert [path for path in lake.root.rglob("*") if path.is_file()] == [lake.root / "KIND", kept]


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
        lake.observations("rankings")
