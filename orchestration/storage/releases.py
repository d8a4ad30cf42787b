"""Releases: copies of the approved tables for readers, and the link to the published one.

    <data>/releases/<time>/             routerscope.duckdb, <mart>.parquet and their description; never changed
    <data>/releases/<time>.building/    a release that is being written
    <data>/releases/<time>.approval     the approval of the warehouse that it was copied from
    <data>/releases/<time>.withdrawn    marks a release that was rolled back
    <data>/published -> releases/…      replaced in one atomic step

Readers resolve the link `published` once and then read that folder. A release stays readable for a grace period after
another release replaced it. The caller determines which tables a release contains, which other files are written beside
them, and which checks they must pass.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import WarehouseError
from orchestration.storage.files import locked, sync
from orchestration.storage.sql import literal, quoted
from orchestration.storage.warehouse import Warehouse

# DuckDB 1.2 opens files of this version, but not those that DuckDB 2.0 writes by default.
STORAGE_VERSION = "v1.0.0"
FILE_NAME = "routerscope.duckdb"
MAX_KEPT_RELEASES = 3
# A reader that resolved `published` has this long to open the files, even if new releases follow quickly.
READER_GRACE_SECONDS = 60
_NAME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_BUILDING = ".building"
_LINK = ".link"
_APPROVAL = ".approval"
_WITHDRAWN = ".withdrawn"


@dataclass(frozen=True)
class Table:
    """A table of the warehouse to publish under its own name, with its documentation.

    `columns` maps each column to its description, `key` has the columns that identify a row, `surfaces` the surfaces
    that the figures come from, and `third_party_text` the columns with names and texts written by third parties.
    """

    name: str
    schema: str
    description: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    third_party_text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A DuckDB macro to publish: its name, what follows `create macro`, and its documentation."""

    name: str
    definition: str
    description: str
    is_table: bool = False


@dataclass(frozen=True)
class Release:
    """A release: its folder, and the number of rows of each table."""

    folder: Path
    rows: Mapping[str, int]

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class Releases:
    """The releases below one data folder; `published` is the link to the one that readers use."""

    def __init__(self, data: Path) -> None:
        self.published = data / "published"
        self._folder = data / "releases"

    @property
    def current(self) -> Path:
        """The folder that `published` points to; it may not exist. A link that leads nowhere is its own folder."""
        try:
            return self.published.resolve()
        except (OSError, RuntimeError):  # a loop of links
            return self.published

    def publish(
        self,
        warehouse: Warehouse,
        tables: Sequence[Table],
        complete: Callable[[Release], None] | None = None,
        functions: Sequence[Function] = (),
    ) -> Release:
        """Copy the tables into a new release, with functions that read them, and publish it in one atomic step.

        `complete` receives the release before readers can see it. It adds the files that belong beside the tables, and
        raises a WarehouseError if the release must not be published. Raises WarehouseError if the warehouse is not
        approved or a file cannot be written. After an error, the published release is the same as before.
        """
        approval = warehouse.approval()
        if approval is None:
            raise WarehouseError(
                f"{warehouse.path} has not passed its checks, so it was not published. The published release is "
                "unchanged. Run the whole job `refresh`, which builds, checks and publishes."
            )
        name = dt.datetime.now(dt.UTC).strftime(_NAME_FORMAT)
        folder, building = self._folder / name, self._folder / f"{name}{_BUILDING}"
        try:
            with self._lock():
                self._remove_unfinished()
                building.mkdir()
            rows = _copy(warehouse, tables, functions, building)
            if complete:
                complete(Release(building, rows))
            for path in (*building.rglob("*"), building):
                sync(path)
            with self._lock():
                _beside(folder, _APPROVAL).write_text(approval, encoding="utf-8")
                building.replace(folder)
                self._point_to(folder)
            self.prune()
        except (OSError, MemoryError, duckdb.Error) as error:
            problem = str(error).partition("\n")[0]  # DuckDB's own advice follows, on settings that are not ours
            advice = (
                "Free memory, or raise the memory limit of the process (`ulimit -v`)"
                if isinstance(error, duckdb.OutOfMemoryException | MemoryError)
                else "Free disk space or fix the permissions of the folder"
            )
            raise WarehouseError(
                f"The tables could not be published to {self.published}: {problem}. The published release is "
                f"unchanged. {advice}, then run again."
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return Release(folder, rows)

    def adopt(
        self, name: str, sizes: Mapping[str, int], write: Callable[[Path], None], withdrawn: Sequence[str] = ()
    ) -> None:
        """Publish a release that another host made, in one atomic step, and mark the `withdrawn` ones.

        `write` writes its files, of these sizes by path, into a folder that readers do not see; it is not called if the
        release is there already. After an error, the published release is the same as before.
        """
        folder, building = self._folder / name, self._folder / f"{name}{_BUILDING}"
        with self._lock():
            if any(not _has_size(folder / path, size) for path, size in sizes.items()):
                for remains in (building, folder):
                    shutil.rmtree(remains, ignore_errors=True)
                building.mkdir()
                try:
                    write(building)
                    for path in (*building.rglob("*"), building):
                        sync(path)
                    building.replace(folder)
                finally:
                    shutil.rmtree(building, ignore_errors=True)
            for one in withdrawn:
                if (self._folder / one).is_dir():
                    _beside(self._folder / one, _WITHDRAWN).touch()
            if self.current != folder.resolve():
                self._point_to(folder)
        self.prune()

    def is_current(self, inputs: str, warehouse: Warehouse) -> bool:
        """Whether the published release is a copy of the approved warehouse, built from inputs with this hash.

        False after a rollback, because the next run publishes again, and if the release was deleted.
        """
        published = self.current
        recorded = _beside(published, _APPROVAL)
        is_rolled_back = any(path.stem > published.name for path in self._folder.glob(f"*{_WITHDRAWN}"))
        if is_rolled_back or not (recorded.exists() and (published / FILE_NAME).exists()):
            return False
        approval = recorded.read_text(encoding="utf-8", errors="replace")
        return approval.partition("\n")[2] == inputs and warehouse.approval() == approval

    def rollback(self) -> Path:
        """Publish the previous release again in one atomic step, and return its folder.

        The release that was published until then is withdrawn: no rollback returns to it, and a later publish deletes
        it. Raises WarehouseError if there is no previous release.
        """
        try:
            with self._lock():
                current = self.current
                if current.parent != self._folder.resolve():
                    raise WarehouseError(
                        f"{self.published} points to no release, so nothing was changed. Publish a new one: make run "
                        "ARGS=--rebuild"
                    )
                earlier = [folder for folder in self.list() if folder.name < current.name]
                if not earlier:
                    raise WarehouseError(
                        f"There is no release before {current.name} in {self._folder}, so nothing was changed. "
                        "Run `make run` to rebuild and publish from the raw data."
                    )
                self._point_to(earlier[-1])
                _beside(current, _WITHDRAWN).touch()
        except OSError as error:
            raise WarehouseError(
                f"{self.published} could not be changed: {error}. The published release is unchanged. Fix the "
                "permissions of the folder, then try again."
            ) from error
        return earlier[-1]

    def prune(self) -> None:
        """Delete old releases: all but the published one, the newest, and those within the grace period of readers."""
        with self._lock():
            kept = {self.current.name, *(path.name for path in self.list()[-MAX_KEPT_RELEASES:])}
            for path in self._folder.glob("*Z"):
                if path.name not in kept and abs(time.time() - path.stat().st_mtime) >= READER_GRACE_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
                    for suffix in (_APPROVAL, _WITHDRAWN):
                        _beside(path, suffix).unlink(missing_ok=True)

    def list(self) -> Sequence[Path]:
        """The folders of the releases that were not withdrawn, oldest first."""
        return sorted(
            path for path in self._folder.glob("*Z") if path.is_dir() and not _beside(path, _WITHDRAWN).exists()
        )

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock that every change to the releases or to the link needs."""
        return locked(self._folder / ".lock")

    def _point_to(self, folder: Path) -> None:
        previous = self.current
        link = self._folder / f"{folder.name}{_LINK}"
        link.symlink_to(Path(self._folder.name) / folder.name)
        link.replace(self.published)
        sync(self.published.parent)
        if previous.is_dir() and previous != folder:
            os.utime(previous)  # the grace period of its readers starts now

    def _remove_unfinished(self) -> None:
        """Delete the remains of a publish that was killed."""
        for folder in self._folder.glob(f"*{_BUILDING}"):
            shutil.rmtree(folder)
        for link in self._folder.glob(f"*{_LINK}"):
            link.unlink()
        for approval in self._folder.glob(f"*{_APPROVAL}"):
            if not approval.with_suffix("").exists():
                approval.unlink()


def released_at(name: str) -> dt.datetime:
    """When the release with this name was made, in UTC."""
    return dt.datetime.strptime(name, _NAME_FORMAT).replace(tzinfo=dt.UTC)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _beside(release: Path, suffix: str) -> Path:
    """The file beside a release that has its name and this suffix."""
    return release.with_name(f"{release.name}{suffix}")


def _copy(warehouse: Warehouse, tables: Sequence[Table], functions: Sequence[Function], folder: Path) -> dict[str, int]:
    """Copy each table to DuckDB, with its documentation as comments, and to Parquet; returns table → rows."""
    rows: dict[str, int] = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(warehouse.path)} as warehouse (read_only)")
        connection.execute(f"attach {literal(folder / FILE_NAME)} as published (storage_version '{STORAGE_VERSION}')")
        # FSST makes a large release 1% smaller, but trying it on each column takes a tenth of the time.
        connection.execute("set disabled_compression_methods = 'fsst'")
        for table in tables:
            source = f"warehouse.{quoted(table.schema)}.{quoted(table.name)}"
            target = f"published.{quoted(table.name)}"
            order = ", ".join(map(quoted, table.key)) or "all"
            connection.execute(f"create table {target} as from {source} order by {order}")
            connection.execute(f"comment on table {target} is {literal(table.description)}")
            for column, description in table.columns.items():
                connection.execute(f"comment on column {target}.{quoted(column)} is {literal(description)}")
            file = literal(folder / f"{table.name}.parquet")
            copied = connection.execute(f"copy {target} to {file} (format parquet, compression zstd)").fetchone()
            rows[table.name] = int(copied[0]) if copied else 0
        # A macro finds the tables that it names only in the current database.
        connection.execute("use published")
        for function in functions:
            connection.execute(f"create macro {function.definition}")
            kind = "macro table" if function.is_table else "macro"
            connection.execute(f"comment on {kind} {function.name} is {literal(function.description)}")
        connection.execute("use memory; detach published")
    return rows
