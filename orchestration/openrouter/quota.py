"""How many requests the source allows, counted over processes and restarts, and the clock it is counted on.

Thirty a minute and five hundred a UTC day: a sliding minute, but a day of the calendar. How a request is made does not
belong here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from orchestration.errors import LakeError, QuotaSpentError

REQUESTS_A_MINUTE = 30
REQUESTS_A_DAY = 500
_TODAY = "select count(*) from request where at >= ? and at < ?"


class Clock(Protocol):
    """What time it is (UTC), and how to wait."""

    def now(self) -> dt.datetime: ...
    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class VirtualClock:
    """A clock that stands still until it is set or waited on, so that waiting costs no time."""

    def __init__(self, now: dt.datetime) -> None:
        self._now = now

    def now(self) -> dt.datetime:
        return self._now

    def set(self, now: dt.datetime) -> None:
        self._now = now

    def sleep(self, seconds: float) -> None:
        self._now += dt.timedelta(seconds=seconds)


class ClientState:
    """What the client must still know after a restart: requests that count against the quota, and ETags.

    One SQLite file, shared by all processes of a data folder; without a path it is kept in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """The only one at the file. Raises LakeError if it cannot be used."""
        try:
            with self._lock:
                db = self._open()
                db.execute("begin immediate")
                try:
                    yield db
                finally:
                    db.execute("commit")
        except (sqlite3.Error, OSError) as error:
            raise LakeError(
                f"{self._path}, which counts the requests made, cannot be used: {error}. Nothing was asked. Mend the "
                "folder, or delete the file and run again: the day's requests are then counted anew."
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            where = self._path or ":memory:"
            self._db = sqlite3.connect(where, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("create table if not exists request (at real not null)")
            self._db.execute("create table if not exists etag (url text primary key, etag text, payload blob)")
        return self._db

    def reserve(self, now: dt.datetime) -> tuple[int | None, float]:
        """A place in the quota as (its number, 0), or (None, seconds to wait). Raises QuotaSpentError for the day."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        with self._alone() as db:
            db.execute("delete from request where at < ?", (midnight - 86_400,))
            [(today,)] = db.execute(_TODAY, (midnight, midnight + 86_400)).fetchall()
            if today >= REQUESTS_A_DAY:
                raise QuotaSpentError(
                    f"The {REQUESTS_A_DAY} requests that OpenRouter allows an account each UTC day are spent. What was "
                    "fetched is kept; run again after midnight UTC, and the rest is asked for."
                )
            last = db.execute(
                # Another process may have been answered since `now` was read.
                "select at from request where at > ? and at < ? order by at desc limit ?",
                (now.timestamp() - 60, now.timestamp() + 5, REQUESTS_A_MINUTE),
            ).fetchall()
            if len(last) == REQUESTS_A_MINUTE:
                return None, max(last[-1][0] + 60 - now.timestamp(), 0.001)
            return db.execute("insert into request values (?)", (now.timestamp(),)).lastrowid, 0.0

    def answered(self, place: int, now: dt.datetime) -> None:
        """Count the request from the moment of its answer: the source may have counted it up to then."""
        with self._alone() as db:
            db.execute("update request set at = ? where rowid = ?", (now.timestamp(), place))

    def left_today(self, now: dt.datetime) -> int:
        """Requests that the day's quota still has."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        with self._alone() as db:
            [(today,)] = db.execute(_TODAY, (midnight, midnight + 86_400)).fetchall()
        return max(REQUESTS_A_DAY - int(today), 0)

    def etag(self, url: str) -> tuple[str, bytes] | None:
        with self._alone() as db:
            found: list[tuple[str, bytes]] = db.execute(
                "select etag, payload from etag where url = ?", (url,)
            ).fetchall()
        return found[0] if found else None

    def keep_etag(self, url: str, etag: str, payload: bytes) -> None:
        with self._alone() as db:
            db.execute("insert or replace into etag values (?, ?, ?)", (url, etag, payload))
