"""The warehouse that dbt builds, and whether its current state passed every check.

    <data>/warehouse.duckdb      written by one process at a time; readers use the published release
    <data>/warehouse.approved    the state of that file that passed every blocking check, and what it was built from
    <data>/rejected/             the newest rejected build, with the reason in why.txt
    <data>/damaged/<time>/       a file that could not be opened and was replaced

dbt defines the tables; `releases.py` publishes them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.clock import parse_timestamp
from orchestration.damaged import set_aside
from orchestration.errors import SettingsError, WarehouseError
from orchestration.formatting import iso_timestamp
from orchestration.storage.files import write_atomically

_OPEN_TIMEOUT_SECONDS = 60
_LOCK_CONFLICT = "IO Error: Could not set lock on file"
# Every DuckDB file has these bytes after the checksum of its first block.
_MAGIC, _MAGIC_OFFSET = b"DUCK", 8


@dataclass(frozen=True)
class Rejection:
    """When the newest rejected build was rejected, in UTC, and why."""

    rejected_at: dt.datetime
    reasons: str


class Warehouse:
    """The DuckDB file that dbt builds below one data folder."""

    def __init__(self, data: Path) -> None:
        self.path = data / "warehouse.duckdb"
        self._approval = data / "warehouse.approved"
        self._rejected = data / "rejected"
        self._why = self._rejected / "why.txt"

    def start(self) -> str:
        """Prepare for a build: withdraw the approval, and wait until no other process has the file open.

        A build can outlive the run that started it, if that run was killed. A file that DuckDB cannot open is set
        aside, because a build replaces every table; returns a sentence about it, otherwise "". Raises WarehouseError if
        the file stays locked or may not be written.
        """
        self.withdraw_approval()
        for _ in range(_OPEN_TIMEOUT_SECONDS):
            problem = self._open_problem()
            if problem is None:
                return ""
            if not is_lock_conflict(problem):
                return self._set_aside(problem)
            time.sleep(1)
        raise WarehouseError(
            f"{self.path} cannot be opened: {problem}. The published release is unchanged. Stop the process that has "
            "the file open, and run again."
        )

    def _open_problem(self) -> duckdb.Error | None:
        try:
            duckdb.connect(str(self.path)).close()
        except duckdb.Error as error:
            return error
        return None

    def _set_aside(self, problem: duckdb.Error) -> str:
        with _errors_of(self.path):
            is_usable = os.access(self.path if self.path.exists() else self.path.parent, os.R_OK | os.W_OK)
            if not is_usable:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            kept = set_aside(self.path, *self._companions())
        reason = str(problem).splitlines()[0]
        return f"{self.path} could not be opened ({reason}). It is kept as {kept}, and a new one is built."

    def _companions(self) -> list[Path]:
        """The files that DuckDB keeps beside its own, such as the write-ahead log."""
        return [path for path in self.path.parent.glob(f"{self.path.name}*") if path != self.path]

    def is_damaged(self) -> bool:
        """Whether the file is no DuckDB file. Does not open it with DuckDB, which would lock out a build."""
        try:
            with self.path.open("rb") as file:
                return file.read(_MAGIC_OFFSET + len(_MAGIC))[_MAGIC_OFFSET:] != _MAGIC
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def withdraw_approval(self) -> None:
        """Mark the warehouse as not checked: the lake or the warehouse itself has changed, or is about to."""
        with _errors_of(self._approval):
            self._approval.unlink(missing_ok=True)

    def approve(self, inputs: str = "") -> None:
        """Record that the current state of the file passed every blocking check, and the hash of its inputs."""
        with _errors_of(self._approval):
            self._approval.write_text(f"{self._fingerprint()}\n{inputs}", encoding="utf-8")

    def approval(self) -> str | None:
        """The approved state of the file with the hash of its inputs; None if it is missing or has changed since."""
        try:
            approval = self._approval.read_text(encoding="utf-8", errors="replace")
            return approval if approval.partition("\n")[0] == self._fingerprint() else None
        except OSError:
            return None

    def is_approved(self) -> bool:
        """Whether the file exists and has not changed since it was approved."""
        return self.approval() is not None

    def reject(self, why: str) -> Path:
        """Move the build to `rejected/` with the reason, and return that folder.

        The published release stays; the next run rebuilds the warehouse from the raw data. Only the newest rejected
        build is kept.
        """
        self.withdraw_approval()
        shutil.rmtree(self._rejected, ignore_errors=True)
        with _errors_of(self._rejected):
            self._rejected.mkdir(parents=True, exist_ok=True)
            for path in self.path.parent.glob(f"{self.path.name}*"):
                path.rename(self._rejected / path.name)
        with contextlib.suppress(OSError):  # the disk may be full; the caller reports the reason too
            write_atomically(self._why, f"{iso_timestamp(dt.datetime.now(dt.UTC))}\n{why}\n".encode())
        return self._rejected

    def rejection(self) -> Rejection | None:
        """The newest rejection, or None if there was none or its reason could not be written.

        If its reason is damaged, the time is that of the file.
        """
        try:
            text = self._why.read_text(encoding="utf-8", errors="replace")
            rejected_at, _, reasons = text.partition("\n")
            return Rejection(parse_timestamp(rejected_at), reasons.strip())
        except SettingsError:
            modified = dt.datetime.fromtimestamp(self._why.stat().st_mtime, dt.UTC)
            return Rejection(modified, f"{self._why}, which has the reasons, is damaged.")
        except OSError:
            return None

    def _fingerprint(self) -> str:
        status = self.path.stat()
        return f"{status.st_mtime_ns} {status.st_size}"


def is_lock_conflict(error: duckdb.Error) -> bool:
    """Whether DuckDB reports that another process has the file open. A path that contains "lock" is no conflict."""
    return isinstance(error, duckdb.IOException) and str(error).startswith(_LOCK_CONFLICT)


@contextlib.contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Raises WarehouseError for an OSError on a file of the warehouse."""
    try:
        yield
    except OSError as error:
        raise WarehouseError(
            f"{path} cannot be written: {error.strerror or error}. The published release is unchanged. Free disk space "
            "or fix the permissions of the folder, and run again."
        ) from error
