"""The log of requests made: how much of the API's quota is left, across processes and restarts, and cached responses.

The API allows 30 requests in any 60 seconds and 500 per UTC calendar day. `client` sends the requests.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestration.damaged import set_aside
from orchestration.errors import QuotaSpentError, RequestLogError

REQUEST_LOG = "requests.sqlite"  # in the data folder
REQUESTS_PER_MINUTE = 30
REQUESTS_PER_DAY = 500
_COUNT_OF_DAY = "select count(*) from request where at >= ? and at < ?"
_DAY_SECONDS = 86_400


class RequestLog:
    """The requests that count against the quota, and responses cached by their ETag.

    One SQLite file, shared by all processes of a data folder; without a path it is kept in memory. A damaged file is
    set aside, which `log` reports, and a new one is begun. Every method raises RequestLogError if the file cannot be
    used for another reason.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.log: Callable[[str], None] = lambda line: None  # noqa: ARG005
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection with exclusive write access to the database."""
        try:
            with self._lock:
                db = self._open()
                db.execute("begin immediate")
                try:
                    yield db
                finally:
                    db.execute("commit")
        except (sqlite3.Error, OSError) as error:
            raise RequestLogError(
                f"{self._path}, which counts the requests made, cannot be used: {error}. Nothing was fetched. Fix the "
                "folder's permissions, or delete the file, which resets the count of the day to 0, and run again."
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = _connect(":memory:") if self._path is None else self._open_file(self._path)
        return self._db

    def _open_file(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path)
        except sqlite3.Error as error:
            if not _is_damage(error):
                raise
            kept = set_aside(path, *(path.with_name(f"{path.name}-{suffix}") for suffix in ("journal", "wal", "shm")))
            self.log(
                f"{path}, which counts the requests made, was damaged ({error}) and is kept as {kept}. The count of "
                "the day begins at 0 again, so OpenRouter may refuse requests before it reaches the quota."
            )
            return _connect(path)

    def reserve(self, now: dt.datetime) -> tuple[int | None, float]:
        """Count a request: its id and 0, or None and the seconds until the quota allows one.

        Raises QuotaSpentError if the quota of the day is spent.
        """
        midnight = _midnight(now)
        with self._transaction() as db:
            db.execute("delete from request where at < ?", (midnight - _DAY_SECONDS,))
            [(today,)] = db.execute(_COUNT_OF_DAY, (midnight, midnight + _DAY_SECONDS)).fetchall()
            if today >= REQUESTS_PER_DAY:
                raise QuotaSpentError(
                    f"OpenRouter's quota of {REQUESTS_PER_DAY} requests per account and UTC day is spent. What was "
                    "fetched is kept. Run again after midnight UTC to fetch the rest."
                )
            recent = db.execute(
                # Another process may have recorded a response after `now` was read.
                "select at from request where at > ? and at < ? order by at desc limit ?",
                (now.timestamp() - 60, now.timestamp() + 5, REQUESTS_PER_MINUTE),
            ).fetchall()
            if len(recent) == REQUESTS_PER_MINUTE:
                return None, max(recent[-1][0] + 60 - now.timestamp(), 0.001)
            return db.execute("insert into request values (?)", (now.timestamp(),)).lastrowid, 0.0

    def record_response(self, request_id: int, now: dt.datetime) -> None:
        """Count the request from the time of its response: the API may have counted it at any time until then."""
        with self._transaction() as db:
            db.execute("update request set at = ? where rowid = ?", (now.timestamp(), request_id))

    def remaining_today(self, now: dt.datetime) -> int:
        """Requests that the quota of the UTC day still allows."""
        with self._transaction() as db:
            return _remaining(db, now)

    def cached(self, url: str) -> tuple[str, bytes] | None:
        """ETag and payload of the cached response; None if there is none."""
        with self._transaction() as db:
            rows: list[tuple[str, bytes]] = db.execute(
                "select etag, payload from etag where url = ?", (url,)
            ).fetchall()
        return rows[0] if rows else None

    def cache(self, url: str, etag: str, payload: bytes) -> None:
        with self._transaction() as db:
            db.execute("insert or replace into etag values (?, ?, ?)", (url, etag, payload))


def remaining_today(path: Path, now: dt.datetime) -> int:
    """Requests that the quota of the UTC day still allows, by a request log that is only read.

    Raises RequestLogError if it cannot be read.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return _remaining(db, now)
    except sqlite3.Error as error:
        raise RequestLogError(
            f"{path}, which counts the requests made, cannot be read: {error}. The next live run sets a damaged file "
            "aside."
        ) from error


def _remaining(db: sqlite3.Connection, now: dt.datetime) -> int:
    midnight = _midnight(now)
    [(today,)] = db.execute(_COUNT_OF_DAY, (midnight, midnight + _DAY_SECONDS)).fetchall()
    return max(REQUESTS_PER_DAY - int(today), 0)


def _connect(database: Path | str) -> sqlite3.Connection:
    """A connection to a database whose tables were created if it is new. Raises sqlite3.Error if it is damaged."""
    db = sqlite3.connect(database, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        db.execute("create table if not exists request (at real not null)")
        db.execute("create table if not exists etag (url text primary key, etag text, payload blob)")
        db.execute("select at from request limit 1").fetchall()
        db.execute("select url, etag, payload from etag limit 1").fetchall()
        [(found,), *_] = db.execute("pragma quick_check(1)").fetchall()
        if found != "ok":
            damage = sqlite3.DatabaseError(found)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
    except sqlite3.Error:
        db.close()
        raise
    return db


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the content of the file is the problem, rather than the disk, the permissions or another process."""
    # SQLITE_ERROR: it is a database, but not with these tables.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _midnight(now: dt.datetime) -> float:
    """Start of the UTC day, in Unix seconds."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
