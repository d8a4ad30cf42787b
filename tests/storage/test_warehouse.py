"""The warehouse: opening it, approving its state, and setting a rejected build aside."""

import datetime as dt
import os
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import WarehouseError
from orchestration.storage.warehouse import Warehouse


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


def test_file_that_is_not_a_database_is_named(tmp_path: Path) -> None:
    broken = Warehouse(tmp_path)
    broken.path.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseError, match=r"(?s)warehouse.duckdb cannot be opened.*delete the file and run again"):
        broken.start()


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
