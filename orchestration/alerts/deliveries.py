"""The record of which alerts were sent to which channel, so that each is sent once.

    <data>/deliveries.sqlite

Alerts that exist when a channel is first used count as sent, so that a new channel does not receive old alerts. Alerts
that a channel could not deliver are sent at the next tick. If the process is killed after a webhook has responded and
before the delivery is recorded, the alert is sent again with the same id.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestration.alerts.channels import Channel
from orchestration.alerts.events import Alert
from orchestration.errors import AlertError, TooManyAlertsError

# Origins of alerts. A new channel starts each origin separately: failures at its first tick, alerts of releases once
# there is a release. The file records the start as `begun/<origin>`.
RELEASES, FAILURES = "news", "failures"
_MAX_BATCH_ALERTS = 100
# The key under which the end of the wait that a channel asks for is kept, as `alert_id`.
_PAUSED = "paused"
# `sent_at` is null while an alert is being sent.
_TABLE = """
    create table if not exists delivery
    (channel text, key text, alert_id text, sent_at text, primary key (channel, key))
"""


class Deliveries:
    """Deliveries by channel and key, in one SQLite file. Methods raise AlertError if it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from sending: two daemons would both send alerts that neither has recorded yet."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = self._path.with_suffix(".lock").open("w", encoding="utf-8")
        except OSError as error:
            raise AlertError(f"{self._path.parent} cannot be written: {error}. Nothing was sent.") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def sent(self, channel: Channel) -> set[str]:
        """The keys of the alerts that were sent to a channel, and of the origins that it has started."""
        with self._open() as connection:
            rows = connection.execute(
                "select key from delivery where channel = ? and sent_at is not null", [channel.name]
            ).fetchall()
        return {key for (key,) in rows}

    def prepare(self, channel: Channel, ids: Mapping[str, str]) -> None:
        """Record, by key, the ids of alerts that are about to be sent, so that a full disk is noticed before."""
        with self._open() as connection:
            self._write(connection, channel, ids, None)

    def record(self, channel: Channel, ids: Mapping[str, str]) -> None:
        """Record, by key, the ids of alerts that were sent."""
        with self._open("The alerts sent last may be sent again, with the same ids.") as connection:
            self._write(connection, channel, ids, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))

    def forget(self, keys: Sequence[str]) -> None:
        """Forget keys on all channels: the next alert with one of them is sent."""
        with self._open() as connection:
            connection.executemany("delete from delivery where key = ?", [(key,) for key in keys])

    def pause(self, channel: Channel, seconds: float) -> None:
        """Record that a channel asks to wait."""
        until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        with self._open() as connection:
            self._write(connection, channel, {_PAUSED: until.isoformat(timespec="seconds")}, None)

    def paused_until(self, channel: Channel) -> dt.datetime | None:
        """Until when a channel asks to wait (UTC); None if it may be sent alerts."""
        with self._open() as connection:
            rows = connection.execute(
                "select alert_id from delivery where channel = ? and key = ?", [channel.name, _PAUSED]
            ).fetchall()
        until = [dt.datetime.fromisoformat(text) for (text,) in rows]
        return until[0] if until and until[0] > dt.datetime.now(dt.UTC) else None

    @contextlib.contextmanager
    def _open(self, consequence: str = "Nothing was sent.") -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
                connection.execute(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise AlertError(
                f"{self._path}, the record of sent alerts, cannot be used: {error}. {consequence} Free disk space or "
                "fix its permissions. If the file is damaged, delete it: alerts that exist then count as sent."
            ) from error

    @staticmethod
    def _write(connection: sqlite3.Connection, channel: Channel, ids: Mapping[str, str], sent_at: str | None) -> None:
        rows = [(channel.name, key, alert_id, sent_at) for key, alert_id in ids.items()]
        connection.executemany("insert or replace into delivery values (?, ?, ?, ?)", rows)


def send_new(
    found: Mapping[str, Sequence[Alert]], channels: Sequence[Channel], deliveries: Deliveries
) -> tuple[int, list[str]]:
    """Send to each channel the alerts that were not sent to it yet. Returns how many were sent, and the problems.

    `found` has all current alerts by origin. When a channel starts an origin, all alerts of that origin count as sent.
    """
    count, problems = 0, []
    with deliveries.lock():
        for channel in channels:
            waiting = list(_unsent(found, channel, deliveries).items())
            if waiting and (until := deliveries.paused_until(channel)):
                problems.append(f"{channel.name}: It asks to wait until {until:%H:%M:%S} UTC; unsent: {len(waiting)}.")
                continue
            while waiting:
                batch, rest = waiting[:_MAX_BATCH_ALERTS], waiting[_MAX_BATCH_ALERTS:]
                ids = {key: alert.id for key, alert in batch}
                deliveries.prepare(channel, ids)
                try:
                    channel.send([alert for _, alert in batch])
                except AlertError as error:
                    if isinstance(error, TooManyAlertsError):
                        deliveries.pause(channel, error.wait_seconds)
                    problems.append(
                        f"{channel.name}: {error} The next tick tries again; unsent alerts: {len(waiting)}."
                    )
                    break
                deliveries.record(channel, ids)
                count, waiting = count + len(batch), rest
    return count, problems


def _unsent(found: Mapping[str, Sequence[Alert]], channel: Channel, deliveries: Deliveries) -> dict[str, Alert]:
    """The alerts to send to a channel, by key; alerts of an origin that starts now are recorded as sent."""
    sent = deliveries.sent(channel)
    unsent: dict[str, Alert] = {}
    for origin, alerts in found.items():
        new = {alert.key: alert for alert in alerts if sent.isdisjoint([alert.key, *alert.other_ids])}
        start = f"begun/{origin}"
        if start in sent:
            unsent |= new
        else:
            deliveries.record(channel, {start: start, **{key: alert.id for key, alert in new.items()}})
    return unsent
