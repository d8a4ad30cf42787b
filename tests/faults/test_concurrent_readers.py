"""Readers see whole releases only, while one release replaces another and after a publish that was killed."""

import itertools
import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import duckdb
import pytest

from orchestration.publish.datapackage import CITATION, PACKAGE
from orchestration.storage.files import sha256
from orchestration.storage.releases import FILE_NAME, Release, Releases, Table
from orchestration.storage.warehouse import Warehouse

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
    (release.folder / PACKAGE).write_text(json.dumps({"release_no": release_no, "hashes": hashes}), encoding="utf-8")
    (release.folder / CITATION).write_text(f"Release {release_no}.", encoding="utf-8")


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
    package = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))
    assert (folder / CITATION).read_text(encoding="utf-8") == f"Release {package['release_no']}."
    found = {(package["release_no"], ROWS)}
    for name, expected in package["hashes"].items():
        assert sha256(folder / name) == expected, name
    for table in TABLES:
        parquet = str(folder / f"{table.name}.parquet")
        found |= set(duckdb.sql(f"select release_no, count(*) from '{parquet}' group by all").fetchall())
    return found | read_database(folder)


READS = {"database": read_database, "folder": read_folder}


def read_repeatedly(way: str, published: Path, started: Barrier, stop: Event, results: multiprocessing.Queue) -> None:
    count, seen, errors = 0, [], []
    started.wait()
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
    started, stop, queue = context.Barrier(len(ways) + 1), context.Event(), context.Queue()
    processes = [context.Process(target=read_repeatedly, args=(way, published, started, stop, queue)) for way in ways]
    results: list[tuple] = []
    try:
        for process in processes:
            process.start()
        started.wait(timeout=60)
        yield results
        stop.set()
        results += [queue.get(timeout=60) for _ in processes]
    finally:
        stop.set()
        for process in processes:
            process.join(timeout=60)
            process.kill()


def publish(data: Path, release_no: int) -> Releases:
    warehouse, releases = Warehouse(data), Releases(data)
    fill(warehouse, release_no)
    releases.publish(warehouse, TABLES, lambda release: describe(release_no, release))
    return releases


@pytest.mark.parametrize(
    ("publishes", "readers_of_each"), [(20, 1), pytest.param(100, 2, marks=pytest.mark.long)], ids=["20", "100"]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_readers_see_whole_releases_only(publishes: int, readers_of_each: int, tmp_path: Path) -> None:
    releases = publish(tmp_path, 0)
    with readers(releases.published, [*READS] * readers_of_each) as results:
        for release_no in range(1, publishes + 1):
            publish(tmp_path, release_no)
            if release_no % 10 == 0:
                releases.rollback()
    assert len(results) == len(READS) * readers_of_each
    for way, count, seen, errors in results:
        assert errors == [], (way, errors[:3])
        assert count >= publishes / 2, (way, count)
        assert len(set(seen)) >= publishes / 5, (way, "has seen too few releases to prove anything")


def publish_until(step: int, data: Path, release_no: int) -> None:
    """Publish, but kill this process before the step of that number; exits with 0 if there are fewer steps."""
    steps = itertools.count()

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("unlink", "rename", "replace", "symlink_to", "mkdir", "write_text"):
        setattr(Path, name, counted(getattr(Path, name)))
    os.fsync, shutil.rmtree = counted(os.fsync), counted(shutil.rmtree)
    publish(data, release_no)
    os._exit(0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_kill_at_any_step_of_a_publish_leaves_a_whole_release(tmp_path: Path) -> None:
    published = publish(tmp_path, 0).published
    for step in itertools.count():
        if (process := os.fork()) == 0:
            publish_until(step, tmp_path, step + 1)
        _, status = os.waitpid(process, 0)
        assert status in (0, signal.SIGKILL)
        [(_, rows)] = read_folder(published)
        assert rows == ROWS
        if status == 0:
            break
    assert step > 15
    assert read_folder(published) == {(step + 1, ROWS)}
    assert not [path for path in (tmp_path / "releases").iterdir() if path.suffix in (".building", ".link")]


def test_a_release_is_published_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two steps there is too little time for the readers above to notice a missing link."""
    published = publish(tmp_path, 0).published

    def checked(step: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **options: object) -> object:
            result = step(*arguments, **options)
            assert (published / FILE_NAME).exists(), (step, arguments)
            return result

        return run

    for name in ("unlink", "rename", "replace", "symlink_to"):
        monkeypatch.setattr(Path, name, checked(getattr(Path, name)))
    publish(tmp_path, 1).rollback()
