"""Readers at full speed, in processes of their own, while one generation follows another."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from orchestration.publish.datapackage import CITATION, PACKAGE, sha256
from orchestration.storage.warehouse import FILE_NAME, Release, Table, Warehouse

PUBLISHES = 100
ROWS = 2000
TABLES = [Table(name, "marts", "", {"generation": "", "row": ""}, ("row",)) for name in ("one", "two", "three")]


def fill(warehouse: Warehouse, generation: int) -> None:
    warehouse.start()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema if not exists marts")
        for table in TABLES:
            connection.execute(
                f"create or replace table marts.{table.name} as "
                f"select {generation} as generation, range as row from range({ROWS})"
            )
    warehouse.approve()


def describe(generation: int, publication: Release) -> None:
    hashes = {path.name: sha256(path) for path in publication.folder.iterdir()}
    (publication.folder / PACKAGE).write_text(json.dumps({"generation": generation, "hashes": hashes}))
    (publication.folder / CITATION).write_text(f"Generation {generation}.")


def through_the_link(published: Path) -> set[tuple]:
    """As most people read: the DuckDB file by its path, all tables of it."""
    with duckdb.connect(str(published / FILE_NAME), read_only=True) as connection:
        return {
            row
            for table in TABLES
            for row in connection.sql(f"select generation, count(*) from {table.name} group by all").fetchall()
        }


def the_whole_folder(published: Path) -> set[tuple]:
    """As programs read several files: find out once which generation it is, then open what it holds."""
    folder = published.resolve()
    told = json.loads((folder / PACKAGE).read_text())
    assert (folder / CITATION).read_text() == f"Generation {told['generation']}."
    found = {(told["generation"], ROWS)}
    for name, expected in told["hashes"].items():
        assert sha256(folder / name) == expected, name
    for table in TABLES:
        parquet = str(folder / f"{table.name}.parquet")
        found |= set(duckdb.sql(f"select generation, count(*) from '{parquet}' group by all").fetchall())
    return found | through_the_link(folder)


def read(way: str, published: Path, stop: Event, told: multiprocessing.Queue) -> None:
    reads, generations, errors = 0, [], []
    while not stop.is_set():
        try:
            seen = {"link": through_the_link, "folder": the_whole_folder}[way](published)
            reads += 1
            if len(seen) != 1 or next(iter(seen))[1] != ROWS:
                errors.append(f"mixed: {seen}")
            generations.append(next(iter(seen))[0])
        except Exception as error:  # whatever a reader meets is an error of ours
            errors.append(f"{type(error).__name__}: {error}")
    told.put((way, reads, generations, errors))


@contextmanager
def readers(published: Path, ways: list[str]) -> Iterator[list[tuple]]:
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    started = [context.Process(target=read, args=(way, published, stop, told)) for way in ways]
    results: list[tuple] = []
    try:
        for process in started:
            process.start()
        yield results
        stop.set()
        results += [told.get(timeout=60) for _ in started]
    finally:
        stop.set()
        for process in started:
            process.join(timeout=60)
            process.kill()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_readers_see_whole_generations_only(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    fill(warehouse, 0)
    warehouse.publish(TABLES, lambda publication: describe(0, publication))
    with readers(warehouse.published, ["link", "link", "folder", "folder"]) as results:
        time.sleep(3)  # until all of them have started
        for generation in range(1, PUBLISHES + 1):
            fill(warehouse, generation)
            warehouse.publish(TABLES, lambda publication, number=generation: describe(number, publication))
            if generation % 10 == 0:  # back and on again, as somebody would who has published too much
                warehouse.rollback()
    assert len(results) == 4
    for way, reads, generations, errors in results:
        assert errors == [], (way, errors[:3])
        assert reads >= PUBLISHES / 2, (way, reads)
        assert len(set(generations)) >= PUBLISHES / 5, (way, "has seen too few generations to prove anything")
