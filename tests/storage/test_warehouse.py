"""Publishing replaces what readers see in one step, or leaves it as it was."""

from pathlib import Path

import duckdb
import pytest

from orchestration.errors import RejectedError, WarehouseError
from orchestration.storage.warehouse import (
    FILE_NAME,
    KEPT_GENERATIONS,
    Release,
    Table,
    Warehouse,
    file_pattern,
    literal,
)

SHARES = Table("shares", "marts", "Who has what.", {"model": "It's a model.", "share": "A fraction."})


def fill(warehouse: Warehouse, share: float) -> None:
    warehouse.start()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema if not exists marts")
        connection.execute(f"create or replace table marts.shares as select 'a/one' as model, {share} as share")
    warehouse.approve()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(tmp_path)
    fill(made, 0.25)
    made.publish([SHARES])
    return made


def shares(path: Path) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql("select cast(share as double) from shares").fetchall()


def test_tables_come_with_their_words_and_as_parquet(warehouse: Warehouse) -> None:
    assert shares(warehouse.published / FILE_NAME) == [(0.25,)]
    parquet = str(warehouse.published / "shares.parquet")
    assert duckdb.sql(f"select model from '{parquet}'").fetchall() == [("a/one",)]
    with duckdb.connect(str(warehouse.published / FILE_NAME), read_only=True) as connection:
        assert connection.sql("select comment from duckdb_tables()").fetchall() == [("Who has what.",)]
        assert connection.sql("select comment from duckdb_columns() where column_name = 'model'").fetchall() == [
            ("It's a model.",)
        ]


# Each with a neighbour that it matches when it is taken for a pattern.
NAMES = [
    ("it's [a] *test", "it's a longtest"),
    ("[x]", "x"),
    ("**", "other"),
    ("[!a]", "b"),
    ("{a,b} %41 ü", "a %41 ü"),
]


@pytest.mark.parametrize(("name", "neighbour"), NAMES)
def test_folder_name_is_never_a_pattern_or_sql(name: str, neighbour: str, tmp_path: Path) -> None:
    for share, folder in ((0.25, name), (0.75, neighbour)):
        (tmp_path / folder).mkdir()
        made = Warehouse(tmp_path / folder)
        fill(made, share)
        made.publish([SHARES])
    files = [file_pattern(tmp_path / name / "published" / "shares.parquet")]
    found = duckdb.execute("select cast(share as double) from read_parquet($files)", {"files": files}).fetchall()
    assert found == [(0.25,)]
    relation = duckdb.read_parquet(files[0])
    assert len(relation) == 1
    found = duckdb.sql(f"select cast(share as double) from read_parquet({literal(files[0])})").fetchall()
    assert found == [(0.25,)]


def test_a_reader_of_the_old_file_keeps_reading_and_a_new_one_sees_the_new(warehouse: Warehouse) -> None:
    reader = duckdb.connect(str(warehouse.published / FILE_NAME), read_only=True)
    for share in (0.5, 0.75, 0.8, 0.9):
        fill(warehouse, share)
        warehouse.publish([SHARES])
    assert reader.sql("select cast(share as double) from shares").fetchall() == [(0.25,)]
    reader.close()
    assert shares(warehouse.published / FILE_NAME) == [(0.9,)]


def test_a_publish_that_fails_leaves_what_was_published(warehouse: Warehouse) -> None:
    before = warehouse.published.resolve()
    with pytest.raises(WarehouseError, match=r"(?s)could not be published.*published before still is"):
        warehouse.publish([SHARES, Table("missing", "marts", "", {})])
    assert warehouse.published.resolve() == before
    assert shares(warehouse.published / FILE_NAME) == [(0.25,)]
    assert [path.name for path in before.parent.glob("2*")] == [before.name]


def test_only_what_passed_its_checks_is_published(warehouse: Warehouse) -> None:
    warehouse.start()  # a build that failed its checks is never approved
    with pytest.raises(WarehouseError, match=r"has not passed its checks.*published before still is.*refresh"):
        warehouse.publish([SHARES])
    warehouse.approve()
    with duckdb.connect(str(warehouse.path)) as connection:  # another build came between the checks and the publish
        connection.execute("update marts.shares set share = 0.99")
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        warehouse.publish([SHARES])
    assert shares(warehouse.published / FILE_NAME) == [(0.25,)]


def test_a_file_that_is_no_warehouse_is_named(tmp_path: Path) -> None:
    broken = Warehouse(tmp_path)
    broken.path.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseError, match=r"(?s)warehouse.duckdb cannot be opened.*delete the file and run again"):
        broken.start()


def test_a_clock_set_back_costs_nothing(warehouse: Warehouse) -> None:
    generations = warehouse.published.resolve().parent
    for year in (2097, 2098, 2099):
        (generations / f"{year}0101T000000.000000Z").mkdir()
    publication = warehouse.publish([SHARES])
    assert warehouse.published.resolve() == publication.folder.resolve()
    assert shares(warehouse.published / FILE_NAME) == [(0.25,)]


def test_what_a_killed_publish_left_is_removed_by_the_next(warehouse: Warehouse) -> None:
    generations = warehouse.published.resolve().parent
    (generations / "99990101T000000.000000Z.building").mkdir()
    (generations / "99990101T000000.000000Z.link").symlink_to("nowhere")
    publication = warehouse.publish([SHARES])
    assert warehouse.published.resolve() == publication.folder.resolve()
    assert not [path for path in generations.iterdir() if path.name.startswith("9999")]


def test_the_last_generations_are_kept(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.storage.warehouse.READERS_SECONDS", 0)
    folders = [warehouse.publish([SHARES]).folder for _ in range(KEPT_GENERATIONS + 1)]
    assert sorted(folders[0].parent.glob("2*")) == folders[1:]


def test_a_generation_outlives_who_has_just_found_it(warehouse: Warehouse) -> None:
    found = warehouse.published.resolve()
    for _ in range(2 * KEPT_GENERATIONS):
        warehouse.publish([SHARES])
    assert shares(found / FILE_NAME) == [(0.25,)]


def test_a_rollback_goes_back_one_generation_at_a_time_in_one_step(warehouse: Warehouse) -> None:
    for share in (0.5, 0.75):
        fill(warehouse, share)
        warehouse.publish([SHARES])
    newest = warehouse.published.resolve()
    reader = duckdb.connect(str(warehouse.published / FILE_NAME), read_only=True)
    for share in (0.5, 0.25):
        folder = warehouse.rollback()
        assert warehouse.published.resolve() == folder
        assert shares(warehouse.published / FILE_NAME) == [(share,)]
    assert reader.sql("select cast(share as double) from shares").fetchall() == [(0.75,)]
    with pytest.raises(WarehouseError, match=r"no generation before .* nothing was changed"):
        warehouse.rollback()
    first = warehouse.published.resolve()
    assert newest.exists()
    fill(warehouse, 0.8)
    warehouse.publish([SHARES])  # what comes next is published as ever
    assert shares(warehouse.published / FILE_NAME) == [(0.8,)]
    assert warehouse.rollback() == first  # and not to what was withdrawn


def test_what_was_withdrawn_is_removed_in_time(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    first = warehouse.published.resolve()
    withdrawn = warehouse.publish([SHARES]).folder
    assert warehouse.rollback() == first
    monkeypatch.setattr("orchestration.storage.warehouse.READERS_SECONDS", 0)
    newest = warehouse.publish([SHARES]).folder
    assert sorted(first.parent.glob("2*")) == [first, newest]
    assert not withdrawn.exists()


def test_what_must_not_be_seen_is_not_and_leaves_no_trace(warehouse: Warehouse) -> None:
    before = warehouse.published.resolve()

    def refuse(generation: Release) -> None:
        assert (generation.folder / FILE_NAME).exists()
        raise RejectedError("It says too much.")

    with pytest.raises(RejectedError, match="It says too much"):
        warehouse.publish([SHARES], refuse)
    assert warehouse.published.resolve() == before
    assert [path.name for path in before.parent.glob("2*")] == [before.name]


def test_the_newest_rejected_build_is_kept_with_the_reason(warehouse: Warehouse) -> None:
    for share, why in ((0.1, "Too little."), (0.2, "Still too little.")):
        fill(warehouse, share)
        folder = warehouse.reject(why)
        assert not warehouse.path.exists()
        assert why in (folder / "why.txt").read_text()
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
            assert connection.sql("select cast(share as double) from marts.shares").fetchall() == [(share,)]
        with pytest.raises(WarehouseError, match="has not passed its checks"):
            warehouse.publish([SHARES])
    assert [path.name for path in folder.parent.glob("rejected*")] == ["rejected"]
    fill(warehouse, 0.3)
    warehouse.publish([SHARES])
    assert shares(warehouse.published / FILE_NAME) == [(0.3,)]
