"""Publishing replaces the release that readers see in one step, or leaves it as it was."""

import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import RejectedError, WarehouseError
from orchestration.storage.releases import FILE_NAME, MAX_KEPT_RELEASES, Release, Releases, Table
from orchestration.storage.sql import file_pattern, literal
from orchestration.storage.warehouse import Warehouse

SHARES = Table("shares", "marts", "Who has what.", {"model": "It's a model.", "share": "A fraction."})


@dataclass
class Data:
    """A data folder with a warehouse of one table and its releases."""

    warehouse: Warehouse
    releases: Releases

    @classmethod
    def at(cls, folder: Path) -> "Data":
        return cls(Warehouse(folder), Releases(folder))

    @property
    def published(self) -> Path:
        return self.releases.published

    def build(self, share: float, inputs: str = "") -> None:
        self.warehouse.start()
        with duckdb.connect(str(self.warehouse.path)) as connection:
            connection.execute("create schema if not exists marts")
            connection.execute(f"create or replace table marts.shares as select 'a/one' as model, {share} as share")
        self.warehouse.approve(inputs)

    def publish(self, share: float | None = None) -> Release:
        if share is not None:
            self.build(share)
        return self.releases.publish(self.warehouse, [SHARES])


@pytest.fixture
def data(tmp_path: Path) -> Data:
    made = Data.at(tmp_path)
    made.publish(0.25)
    return made


def shares(folder: Path) -> list[tuple]:
    with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
        return connection.sql("select cast(share as double) from shares").fetchall()


def test_release_has_parquet_files_and_table_comments(data: Data) -> None:
    assert shares(data.published) == [(0.25,)]
    parquet = str(data.published / "shares.parquet")
    assert duckdb.sql(f"select model from '{parquet}'").fetchall() == [("a/one",)]
    with duckdb.connect(str(data.published / FILE_NAME), read_only=True) as connection:
        assert connection.sql("select comment from duckdb_tables()").fetchall() == [("Who has what.",)]
        assert connection.sql("select comment from duckdb_columns() where column_name = 'model'").fetchall() == [
            ("It's a model.",)
        ]


# Each name with a neighbour that it would match as a pattern.
NAMES = [
    ("it's [a] *test", "it's a longtest"),
    ("[x]", "x"),
    ("**", "other"),
    ("[!a]", "b"),
    pytest.param(
        *("{a,b} %41 ü", "a %41 ü"),
        marks=pytest.mark.skipif(sys.getfilesystemencoding() != "utf-8", reason="check_encoding refuses it"),
    ),
]


def test_tables_are_ordered_by_their_key(data: Data) -> None:
    with duckdb.connect(str(data.warehouse.path)) as connection:
        connection.execute(
            "create or replace table marts.shares as from (values (1, 'b'), (2, 'c'), (3, 'a')) as t (n, k)"
        )
    data.warehouse.approve("")
    data.releases.publish(data.warehouse, [Table("shares", "marts", "Shares.", {"k": "The key."}, key=("k",))])
    with duckdb.connect(str(data.published / FILE_NAME), read_only=True) as connection:
        assert connection.sql("from shares").fetchall() == [(3, "a"), (1, "b"), (2, "c")]
        assert connection.read_parquet(str(data.published / "shares.parquet")).fetchall() == [
            (3, "a"),
            (1, "b"),
            (2, "c"),
        ]


@pytest.mark.parametrize(("name", "neighbour"), NAMES)
def test_folder_name_is_never_a_pattern_or_sql(name: str, neighbour: str, tmp_path: Path) -> None:
    for share, folder in ((0.25, name), (0.75, neighbour)):
        (tmp_path / folder).mkdir()
        Data.at(tmp_path / folder).publish(share)
    files = [file_pattern(tmp_path / name / "published" / "shares.parquet")]
    found = duckdb.execute("select cast(share as double) from read_parquet($files)", {"files": files}).fetchall()
    assert found == [(0.25,)]
    relation = duckdb.read_parquet(files[0])
    assert len(relation) == 1
    found = duckdb.sql(f"select cast(share as double) from read_parquet({literal(files[0])})").fetchall()
    assert found == [(0.25,)]


def test_open_connection_keeps_reading_its_release(data: Data) -> None:
    reader = duckdb.connect(str(data.published / FILE_NAME), read_only=True)
    for share in (0.5, 0.75, 0.8, 0.9):
        data.publish(share)
    assert reader.sql("select cast(share as double) from shares").fetchall() == [(0.25,)]
    reader.close()
    assert shares(data.published) == [(0.9,)]


def test_failed_publish_leaves_the_release_as_it_was(data: Data) -> None:
    before = data.published.resolve()
    with pytest.raises(WarehouseError, match=r"(?s)could not be published.*published release is unchanged"):
        data.releases.publish(data.warehouse, [SHARES, Table("missing", "marts", "", {})])
    assert data.published.resolve() == before
    assert shares(data.published) == [(0.25,)]
    assert [path.name for path in before.parent.glob("2*Z")] == [before.name]


def test_spent_memory_is_not_reported_as_a_full_disk(data: Data) -> None:
    def spend(_: Release) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: Failed to allocate\n\nPossible solutions:")

    with pytest.raises(WarehouseError, match=r"Failed to allocate\. The published release is unchanged\. Free memory"):
        data.releases.publish(data.warehouse, [SHARES], spend)


def test_only_an_approved_warehouse_is_published(data: Data) -> None:
    data.warehouse.start()  # a build that failed its checks is never approved
    with pytest.raises(WarehouseError, match=r"has not passed its checks.*published release is unchanged.*refresh"):
        data.publish()
    data.warehouse.approve()
    with duckdb.connect(str(data.warehouse.path)) as connection:  # another build between the checks and the publish
        connection.execute("update marts.shares set share = 0.99")
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        data.publish()
    assert shares(data.published) == [(0.25,)]


def test_rejected_warehouse_is_not_published_but_the_next_is(data: Data) -> None:
    data.warehouse.reject("Too little.")
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        data.publish()
    data.publish(0.3)
    assert shares(data.published) == [(0.3,)]


def test_clock_set_back_does_not_hide_a_new_release(data: Data) -> None:
    folder = data.published.resolve().parent
    for year in (2097, 2098, 2099):
        (folder / f"{year}0101T000000.000000Z").mkdir()
    release = data.publish()
    assert data.published.resolve() == release.folder.resolve()
    assert shares(data.published) == [(0.25,)]


def test_publish_removes_what_a_killed_publish_left(data: Data) -> None:
    folder = data.published.resolve().parent
    (folder / "99990101T000000.000000Z.building").mkdir()
    (folder / "99990101T000000.000000Z.link").symlink_to("nowhere")
    release = data.publish()
    assert data.published.resolve() == release.folder.resolve()
    assert not [path for path in folder.iterdir() if path.name.startswith("9999")]


def test_old_releases_are_deleted(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.storage.releases.READER_GRACE_SECONDS", 0)
    folders = [data.publish().folder for _ in range(MAX_KEPT_RELEASES + 1)]
    assert sorted(folders[0].parent.glob("2*Z")) == folders[1:]
    assert data.releases.list() == folders[1:]


def test_resolved_release_stays_readable_for_a_while(data: Data) -> None:
    resolved = data.published.resolve()
    for _ in range(2 * MAX_KEPT_RELEASES):
        data.publish()
    assert shares(resolved) == [(0.25,)]


def test_rollback_returns_to_one_release_after_another(data: Data) -> None:
    for share in (0.5, 0.75):
        data.publish(share)
    newest = data.published.resolve()
    reader = duckdb.connect(str(data.published / FILE_NAME), read_only=True)
    for share in (0.5, 0.25):
        folder = data.releases.rollback()
        assert data.published.resolve() == folder
        assert shares(data.published) == [(share,)]
    assert reader.sql("select cast(share as double) from shares").fetchall() == [(0.75,)]
    with pytest.raises(WarehouseError, match=r"no release before .* nothing was changed"):
        data.releases.rollback()
    first = data.published.resolve()
    assert newest.exists()
    data.publish(0.8)  # as usual
    assert shares(data.published) == [(0.8,)]
    assert data.releases.rollback() == first  # skips the withdrawn releases


def test_withdrawn_release_is_deleted_later(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    first = data.published.resolve()
    withdrawn = data.publish().folder
    assert data.releases.rollback() == first
    monkeypatch.setattr("orchestration.storage.releases.READER_GRACE_SECONDS", 0)
    newest = data.publish().folder
    assert sorted(first.parent.glob("2*Z")) == [first, newest]
    assert not withdrawn.exists()


def test_release_that_fails_its_checks_leaves_no_trace(data: Data) -> None:
    before = data.published.resolve()

    def reject(release: Release) -> None:
        assert (release.folder / FILE_NAME).exists()
        raise RejectedError("It claims too much.")

    with pytest.raises(RejectedError, match="It claims too much"):
        data.releases.publish(data.warehouse, [SHARES], reject)
    assert data.published.resolve() == before
    assert [path.name for path in before.parent.glob("2*Z")] == [before.name]


def test_release_is_current_for_its_inputs_only(data: Data) -> None:
    data.build(0.5, inputs="a")
    assert not data.releases.is_current("a", data.warehouse)  # built and not published
    data.publish()
    assert data.releases.is_current("a", data.warehouse)
    assert not data.releases.is_current("b", data.warehouse)


def test_release_is_not_current_after_another_build(data: Data) -> None:
    data.build(0.5, inputs="a")
    data.publish()
    data.build(0.5, inputs="a")
    assert not data.releases.is_current("a", data.warehouse)
    data.publish()
    data.warehouse.withdraw_approval()  # a build of some models
    assert not data.releases.is_current("a", data.warehouse)


def test_no_release_is_current_after_a_rollback(data: Data) -> None:
    for _ in range(2):
        data.build(0.5, inputs="a")
        data.publish()
    data.releases.rollback()
    assert not data.releases.is_current("a", data.warehouse)
    data.publish()
    assert data.releases.is_current("a", data.warehouse)


@pytest.mark.parametrize("deleted", ["warehouse.duckdb", f"published/{FILE_NAME}"])
def test_deleted_file_is_built_again(deleted: str, data: Data, tmp_path: Path) -> None:
    data.build(0.5, inputs="a")
    data.publish()
    (tmp_path / deleted).unlink()
    assert not data.releases.is_current("a", data.warehouse)


def test_release_of_an_older_version_is_not_current(data: Data) -> None:
    data.build(0.5, inputs="a")
    folder = data.publish().folder
    folder.with_name(f"{folder.name}.approval").unlink()
    assert not data.releases.is_current("a", data.warehouse)


def test_approval_of_a_deleted_release_is_deleted(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.storage.releases.READER_GRACE_SECONDS", 0)
    for _ in range(MAX_KEPT_RELEASES + 2):
        data.publish()
    kept = sorted(path.name for path in data.releases.list())
    assert sorted(path.stem for path in data.published.resolve().parent.glob("*.approval")) == kept


def test_loop_of_links_is_replaced_by_the_next_release(data: Data) -> None:
    data.published.unlink()
    data.published.symlink_to("published")
    with pytest.raises(WarehouseError, match="points to no release, so nothing was changed"):
        data.releases.rollback()
    assert not data.releases.is_current("", data.warehouse)
    data.publish(0.5)
    assert shares(data.published) == [(0.5,)]


def test_garbage_is_no_approval_of_a_release(data: Data) -> None:
    assert data.releases.is_current("", data.warehouse)
    [approval] = data.releases.current.parent.glob("*.approval")
    approval.write_bytes(b"\xff\xfe\x00")
    assert not data.releases.is_current("", data.warehouse)


def test_folder_in_the_place_of_the_link_is_a_plain_error(data: Data) -> None:
    release = data.releases.current
    data.published.unlink()
    (data.published / "mine").mkdir(parents=True)
    with pytest.raises(WarehouseError, match=r"could not be published to .*directory.*run again"):
        data.publish(0.5)
    assert shares(release) == [(0.25,)]
