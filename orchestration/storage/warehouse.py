"""The DuckDB files: the warehouse that dbt builds, and the published generation that people read.

    <data>/warehouse.duckdb              one writer; never for readers
    <data>/warehouse.approved            which state of it has passed every check
    <data>/rejected/                     the newest build that was refused, and why
    <data>/generations/<moment>/         routerscope.duckdb, <mart>.parquet and what describes them; never changed
    <data>/published -> generations/…    swapped in one step

What the tables mean is dbt's business; which of them are marts, what else lies in a generation and what it must pass
is told by the caller.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import WarehouseError

# What DuckDB 1.2 can still open; a file that 2.0 writes by default it cannot.
STORAGE_VERSION = "v1.0.0"
KEPT_GENERATIONS = 3
FILE_NAME = "routerscope.duckdb"
# Who has found out which generation is published has this long to open its files, however fast others follow.
READERS_SECONDS = 60
_PATIENCE_SECONDS = 60
_MOMENT = "%Y%m%dT%H%M%S.%fZ"
_BUILDING = ".building"
_LINK = ".link"
_WITHDRAWN = ".withdrawn"


@dataclass(frozen=True)
class Table:
    """A table of the warehouse to publish under its own name, with the words that describe it.

    `key` are the columns that tell its rows apart, `surfaces` the surfaces of the source that its figures are from,
    `third_party_text` the columns that hold names and words which are not ours.
    """

    name: str
    schema: str
    description: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    third_party_text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """A generation: its folder, and the rows of each table."""

    folder: Path
    rows: Mapping[str, int]

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class Warehouse:
    """The DuckDB files below one data folder."""

    def __init__(self, data: Path) -> None:
        self.path = data / "warehouse.duckdb"
        self.published = data / "published"
        self._approval = data / "warehouse.approved"
        self._generations = data / "generations"

    def start(self) -> None:
        """What the warehouse holds is about to change: until it is approved, it is not to be published.

        Waits for a build that outlived the run it belonged to, which was killed. Raises WarehouseError if the file
        stays in use or cannot be opened.
        """
        self.withdraw_approval()
        for _ in range(_PATIENCE_SECONDS):
            try:
                duckdb.connect(str(self.path)).close()
            except duckdb.Error as error:
                problem = str(error)
                if "lock" not in problem:
                    break
                time.sleep(1)
            else:
                return
        raise WarehouseError(
            f"{self.path} cannot be opened: {problem}. What was published before is as it was. If another process has "
            "it open, end that; else delete the file and run again: it is rebuilt from the raw data."
        )

    def withdraw_approval(self) -> None:
        """The lake has changed since the warehouse was built: what it holds is not to be published any more."""
        self._approval.unlink(missing_ok=True)

    def approve(self) -> None:
        """What the warehouse holds now has passed every blocking check."""
        self._approval.write_text(self._fingerprint())

    def reject(self, why: str) -> Path:
        """Set the build aside for a look, with the reason; what was published stays. Returns the folder it is kept in.

        The next run builds anew from the raw data; only the newest rejected build is kept.
        """
        self.withdraw_approval()
        folder = self.path.with_name("rejected")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.rename(folder / path.name)
        with contextlib.suppress(OSError):  # a full disk is why, perhaps; the reason is said in any case
            (folder / "why.txt").write_text(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}\n{why}\n", encoding="utf-8")
        return folder

    def publish(self, tables: Sequence[Table], complete: Callable[[Release], None] | None = None) -> Release:
        """Copy the tables into a new generation and make it the published one, in one step.

        `complete` is given the generation before anybody can see it, to put what describes it beside the tables, and to
        raise a WarehouseError if it must not be seen. Readers of the generation before keep reading it. Raises
        WarehouseError, with what was published as it was, if the warehouse is not the one that was approved or the
        files cannot be written.
        """
        if not self._approval.exists() or self._approval.read_text() != self._fingerprint():
            raise WarehouseError(
                f"What {self.path} holds has not passed its checks, so it is not published; what was published before "
                "still is. Run the whole job `refresh`, which builds, checks and publishes."
            )
        moment = dt.datetime.now(dt.UTC).strftime(_MOMENT)
        generation, building = self._generations / moment, self._generations / f"{moment}{_BUILDING}"
        try:
            with self._alone():
                self._remove_unfinished()
                building.mkdir()
            rows = self._copy(tables, building)
            if complete:
                complete(Release(building, rows))
            for path in (*building.rglob("*"), building):
                _sync(path)
            with self._alone():
                building.replace(generation)
                self._swap(generation)
                self._prune()
        except (OSError, duckdb.Error) as error:
            raise WarehouseError(
                f"The marts could not be published to {self.published}: {error}. "
                "What was published before still is. Make room or mend the folder's permissions, and run again."
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return Release(generation, rows)

    def rollback(self) -> Path:
        """Publish the generation before the published one again, in one step; returns its folder.

        The one that was published is withdrawn: it is not gone back to, and the next publication removes it. Raises
        WarehouseError if there is none before.
        """
        try:
            with self._alone():
                current = self.published.resolve()
                before = [path for path in self.generations() if path.name < current.name]
                if not before:
                    raise WarehouseError(
                        f"There is no generation before {current.name} in {self._generations}, so nothing was changed. "
                        "Run `make run` to build and publish anew from the raw data."
                    )
                self._swap(before[-1])
                current.with_name(f"{current.name}{_WITHDRAWN}").touch()
        except OSError as error:
            raise WarehouseError(
                f"{self.published} could not be changed: {error}. What was published still is. Mend the folder's "
                "permissions, and try again."
            ) from error
        return before[-1]

    def generations(self) -> list[Path]:
        """The generations that are kept and were not withdrawn, by the moment of their publication."""
        return sorted(
            path
            for path in self._generations.glob("*Z")
            if path.is_dir() and not path.with_name(f"{path.name}{_WITHDRAWN}").exists()
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The only one that changes which generations there are, and which of them is published."""
        self._generations.mkdir(parents=True, exist_ok=True)
        with (self._generations / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _swap(self, generation: Path) -> None:
        before = self.published.resolve()
        link = self._generations / f"{generation.name}{_LINK}"
        link.symlink_to(Path(self._generations.name) / generation.name)
        link.replace(self.published)
        _sync(self.published.parent)
        if before.is_dir() and before != generation:
            os.utime(before)  # since then it is not the published one: who has found it just before has some time left

    def _fingerprint(self) -> str:
        status = self.path.stat()
        return f"{status.st_mtime_ns} {status.st_size}"

    def _copy(self, tables: Sequence[Table], generation: Path) -> dict[str, int]:
        rows: dict[str, int] = {}
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH {literal(self.path)} AS warehouse (READ_ONLY)")
            connection.execute(
                f"ATTACH {literal(generation / FILE_NAME)} AS published (STORAGE_VERSION '{STORAGE_VERSION}')"
            )
            for table in tables:
                source, target = (
                    f"warehouse.{quoted(table.schema)}.{quoted(table.name)}",
                    f"published.{quoted(table.name)}",
                )
                connection.execute(f"CREATE TABLE {target} AS FROM {source} ORDER BY ALL")
                connection.execute(f"COMMENT ON TABLE {target} IS {literal(table.description)}")
                for column, description in table.columns.items():
                    connection.execute(f"COMMENT ON COLUMN {target}.{quoted(column)} IS {literal(description)}")
                file = literal(generation / f"{table.name}.parquet")
                copied = connection.execute(f"COPY {target} TO {file} (FORMAT parquet, COMPRESSION zstd)").fetchone()
                rows[table.name] = int(copied[0]) if copied else 0
            connection.execute("DETACH published")
        return rows

    def _remove_unfinished(self) -> None:
        """What a publish that was killed left behind."""
        for leftover in self._generations.glob(f"*{_BUILDING}"):
            shutil.rmtree(leftover)
        for link in self._generations.glob(f"*{_LINK}"):
            link.unlink()

    def _prune(self) -> None:
        kept = {self.published.resolve().name, *(path.name for path in self.generations()[-KEPT_GENERATIONS:])}
        for path in self._generations.glob("*Z"):
            if path.name not in kept and abs(time.time() - path.stat().st_mtime) >= READERS_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
                path.with_name(f"{path.name}{_WITHDRAWN}").unlink(missing_ok=True)


def quoted(identifier: str) -> str:
    """An identifier as SQL takes it."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A text, such as a path, as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def file_pattern(path: Path) -> str:
    """A path as DuckDB's readers of files take it, also as a parameter: its own [, * and ? match only themselves."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
