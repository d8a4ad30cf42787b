"""The warehouse that dbt builds, and whether its current state passed every check.

    <data>/warehouse.duckdb      written by one process at a time; readers use the published release
    <data>/warehouse.approved    the state of that file that passed every blocking check, and what it was built from
    <data>/rejected/             the newest rejected build, with the reason in why.txt

dbt defines the tables; `releases.py` publishes them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import WarehouseError
from orchestration.formatting import iso_timestamp
from orchestration.storage.files import write_atomically

_OPEN_TIMEOUT_SECONDS = 60


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

    def start(self) -> None:
        """Prepare for a build: withdraw the approval and wait until the file can be opened.

        A build can outlive the run that started it, if that run was killed. Raises WarehouseError if the file stays
        locked or cannot be opened.
        """
        self.withdraw_approval()
        for _ in range(_OPEN_TIMEOUT_SECONDS):
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
            f"{self.path} cannot be opened: {problem}. The published release is unchanged. If another process has the "
            "file open, stop it; otherwise delete the file and run again: it is rebuilt from the raw data."
        )

    def withdraw_approval(self) -> None:
        """Mark the warehouse as not checked: the lake or the warehouse itself has changed, or is about to."""
        self._approval.unlink(missing_ok=True)

    def approve(self, inputs: str = "") -> None:
        """Record that the current state of the file passed every blocking check, and the hash of its inputs."""
        self._approval.write_text(f"{self._fingerprint()}\n{inputs}", encoding="utf-8")

    def approval(self) -> str | None:
        """The approved state of the file with the hash of its inputs; None if it is missing or has changed since."""
        if not (self.path.exists() and self._approval.exists()):
            return None
        approval = self._approval.read_text(encoding="utf-8")
        return approval if approval.partition("\n")[0] == self._fingerprint() else None

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
        self._rejected.mkdir(parents=True)
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.rename(self._rejected / path.name)
        with contextlib.suppress(OSError):  # the disk may be full; the caller reports the reason too
            write_atomically(self._why, f"{iso_timestamp(dt.datetime.now(dt.UTC))}\n{why}\n".encode())
        return self._rejected

    def rejection(self) -> Rejection | None:
        """The newest rejection, or None if there was none or its reason could not be written."""
        if not self._why.exists():
            return None
        rejected_at, _, reasons = self._why.read_text(encoding="utf-8").partition("\n")
        return Rejection(dt.datetime.fromisoformat(rejected_at), reasons.strip())

    def _fingerprint(self) -> str:
        status = self.path.stat()
        return f"{status.st_mtime_ns} {status.st_size}"
