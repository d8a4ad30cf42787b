"""The warehouse: opening it, approving its state, and setting a rejected build aside."""

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import WarehouseError
from orchestration.storage.warehouse import Warehouse, is_lock_conflict


def fill(warehouse: Warehouse, value: int) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"create or replace table shares as select {value} as share")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    built = Warehouse(tmp_path)
    built.start()
    fill(built, 1)
    return built


def test_build_is_not_approved_until_it_passed_its_checks(warehouse: Warehouse) -> None:
    assert not warehouse.is_approved()
    warehouse.approve()
    assert warehouse.is_approved()


def test_start_withdraws_the_approval(warehouse: Warehouse) -> None:
    warehouse.approve()
    warehouse.start()
    assert not warehouse.is_approved()


def test_change_after_the_approval_voids_it(warehouse: Warehouse) -> None:
    warehouse.approve()
    fill(warehouse, 2)
    assert not warehouse.is_approved()


def test_deleted_warehouse_is_not_approved(warehouse: Warehouse) -> None:
    warehouse.approve()
    warehouse.path.unlink()
    assert not warehouse.is_approved()


def garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100_000])


def other_version(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[12:20] = (200).to_bytes(8, "little")
    path.write_bytes(content)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [garbage, empty, truncated, other_version, folder])
def test_damaged_file_is_set_aside_at_once(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """In a folder whose name contains "lock", which is no lock conflict."""
    warehouse = Warehouse(tmp_path / "b-lock")
    warehouse.path.parent.mkdir()
    fill(warehouse, 1)
    damage(warehouse.path)
    warehouse.path.with_name("warehouse.duckdb.wal").write_bytes(b"garbage")
    before = time.monotonic()
    sentence = warehouse.start()
    assert time.monotonic() - before < 1
    [kept] = (tmp_path / "b-lock" / "damaged").iterdir()
    assert sentence.startswith(f"{warehouse.path} could not be opened (")
    assert sentence.endswith(f"It is kept as {kept / 'warehouse.duckdb'}, and a new one is built.")
    assert {path.name for path in kept.iterdir()} == {"warehouse.duckdb", "warehouse.duckdb.wal"}
    assert warehouse.start() == ""
    fill(warehouse, 2)


def test_garbage_in_the_write_ahead_log_is_replaced(warehouse: Warehouse) -> None:
    warehouse.path.with_name("warehouse.duckdb.wal").write_bytes(b"garbage" * 1000)
    warehouse.start()
    fill(warehouse, 2)


def test_open_warehouse_is_waited_for(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    arguments = [sys.executable, "-c", program, str(warehouse.path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        waits: list[float] = []
        monkeypatch.setattr(time, "sleep", waits.append)
        with pytest.raises(
            WarehouseError, match=r"(?s)cannot be opened: IO Error: Could not set lock.*Stop the process"
        ):
            warehouse.start()
        assert len(waits) == 60
        other.kill()
    assert not (warehouse.path.parent / "damaged").exists()


def test_error_that_contains_lock_is_no_conflict() -> None:
    assert not is_lock_conflict(duckdb.IOException('IO Error: The file "b-lock/a" is not valid'))
    assert not is_lock_conflict(duckdb.IOException('IO Error: "Could not set lock on file" is a folder'))
    assert not is_lock_conflict(duckdb.Error("Corrupt database file: wrong checksum in block at location 0"))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\x00" * 100])
def test_garbage_is_no_approval(content: bytes, warehouse: Warehouse) -> None:
    (warehouse.path.parent / "warehouse.approved").write_bytes(content)
    assert not warehouse.is_approved()


def test_damage_is_seen_without_opening_the_file(warehouse: Warehouse) -> None:
    assert not warehouse.is_damaged()
    assert not Warehouse(warehouse.path.parent / "new").is_damaged()
    garbage(warehouse.path)
    assert warehouse.is_damaged()


@pytest.mark.parametrize("content", [b"", b"\xff\x00\xfe", b"yesterday\nToo little.", b"2026-13-45T00:00:00Z\nNo."])
def test_damaged_reason_of_a_rejection_is_named(content: bytes, warehouse: Warehouse) -> None:
    why = warehouse.reject("Too little.") / "why.txt"
    why.write_bytes(content)
    rejection = warehouse.rejection()
    assert rejection
    assert rejection.reasons == f"{why}, which has the reasons, is damaged."
    assert abs(dt.datetime.now(dt.UTC) - rejection.rejected_at) < dt.timedelta(minutes=1)


def test_newest_rejected_build_is_kept_with_the_reason(warehouse: Warehouse) -> None:
    assert warehouse.rejection() is None
    for value, why in ((1, "Too little."), (2, "Still too little.")):
        fill(warehouse, value)
        warehouse.approve()
        folder = warehouse.reject(why)
        assert not warehouse.path.exists()
        assert not warehouse.is_approved()
        assert why in (folder / "why.txt").read_text(encoding="utf-8")
        rejection = warehouse.rejection()
        assert rejection
        assert rejection.reasons == why
        assert abs(dt.datetime.now(dt.UTC) - rejection.rejected_at) < dt.timedelta(minutes=1)
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
            assert connection.sql("select share from shares").fetchall() == [(value,)]
    assert [path.name for path in folder.parent.glob("rejected*")] == ["rejected"]


def test_full_disk_leaves_no_half_reason(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    folder = warehouse.reject("Too little.")
    assert [path.name for path in folder.iterdir()] == ["warehouse.duckdb"]
    assert warehouse.rejection() is None
