"""Reader processes at full speed see whole releases only, while one release replaces another."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from orchestration.publish.datapackage import CITATION, PACKAGE
from orchestration.storage.files import sha256
from orchestration.storage.releases import FILE_NAME, Release, Releases, Table
from orchestration.storage.warehouse import Warehouse

PUBLISHES = 100
ROWS = 2000
TABLES = [Table(name, "marts", "", {"release_no": "", "row": ""}, ("row",)) for name in ("one", "two", "three")]


def fill(warehouse: Warehouse, release_no: int) -> None:
    warehouse.start()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema if not exists marts")
        for table in TABLES:
            connection.execute(
                f"create or replace table marts.{table.name} as "
                f"select {release_no} as release_no, range as row from range({ROWS})"
            )
    warehouse.approve()


def describe(release_no: int, release: Release) -> None:
    hashes = {path.name: sha256(path) for path in release.folder.iterdir()}
    (release.folder / PACKAGE).write_text(json.dumps({"release_no": release_no, "hashes": hashes}))
    (release.folder / CITATION).write_text(f"Release {release_no}.")


def read_database(published: Path) -> set[tuple]:
    """Read as most people do: open the DuckDB file by its path. Returns the release and rows of each table."""
    with duckdb.connect(str(published / FILE_NAME), read_only=True) as connection:
        return {
            row
            for table in TABLES
            for row in connection.sql(f"select release_no, count(*) from {table.name} group by all").fetchall()
        }


def read_folder(published: Path) -> set[tuple]:
    """Read as programs do: resolve the link once, then open every file of that release."""
    folder = published.resolve()
    package = json.loads((folder / PACKAGE).read_text())
    assert (folder / CITATION).read_text() == f"Release {package['release_no']}."
    found = {(package["release_no"], ROWS)}
    for name, expected in package["hashes"].items():
        assert sha256(folder / name) == expected, name
    for table in TABLES:
        parquet = str(folder / f"{table.name}.parquet")
        found |= set(duckdb.sql(f"select release_no, count(*) from '{parquet}' group by all").fetchall())
    return found | read_database(folder)


READS = {"database": read_database, "folder": read_folder}


def read_repeatedly(way: str, published: Path, stop: Event, results: multiprocessing.Queue) -> None:
    count, seen, errors = 0, [], []
    while not stop.is_set():
        try:
            found = READS[way](published)
            count += 1
            if len(found) != 1 or next(iter(found))[1] != ROWS:
                errors.append(f"mixed: {found}")
            seen.append(next(iter(found))[0])
        except Exception as error:  # a reader must never get one
            errors.append(f"{type(error).__name__}: {error}")
    results.put((way, count, seen, errors))


@contextmanager
def readers(published: Path, ways: list[str]) -> Iterator[list[tuple]]:
    """Starts a process for each way of reading, and fills the list with their results at the end."""
    context = multiprocessing.get_context("spawn")
    stop, queue = context.Event(), context.Queue()
    started = [context.Process(target=read_repeatedly, args=(way, published, stop, queue)) for way in ways]
    results: list[tuple] = []
    try:
        for process in started:
            process.start()
        yield results
        stop.set()
        results += [queue.get(timeout=60) for _ in started]
    finally:
        stop.set()
        for process in started:
            process.join(timeout=60)
            process.kill()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_readers_see_whole_releases_only(tmp_path: Path) -> None:
    warehouse, releases = Warehouse(tmp_path), Releases(tmp_path)

    def publish(release_no: int) -> None:
        fill(warehouse, release_no)
        releases.publish(warehouse, TABLES, lambda release: describe(release_no, release))

    publish(0)
    with readers(releases.published, ["database", "database", "folder", "folder"]) as results:
        time.sleep(3)  # until all of them have started
        for release_no in range(1, PUBLISHES + 1):
            publish(release_no)
            if release_no % 10 == 0:
                releases.rollback()
    assert len(results) == 4
    for way, count, seen, errors in results:
        assert errors == [], (way, errors[:3])
        assert count >= PUBLISHES / 2, (way, count)
        assert len(set(seen)) >= PUBLISHES / 5, (way, "has seen too few releases to prove anything")
