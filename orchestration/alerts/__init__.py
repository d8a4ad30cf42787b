"""What somebody may want to know at once, and telling it once: new models, price changes, anomalies, failures.

    <data>/alerts.sqlite    what was told to whom

An alert goes to every channel that is set: a webhook, a file, the log; none is by default. What is there when a channel
is first used is taken as known. A channel that cannot be reached is told later. If we are killed between a webhook's
answer and our note of it, it is told again, with the same id. What has failed is told by the caller, who knows Dagster.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import httpx

from orchestration.errors import AlertError
from orchestration.formatting import as_listed
from orchestration.openrouter.transport import Http
from orchestration.publish.citations import citation_as_of, citations_by_url
from orchestration.settings import Settings
from orchestration.storage.sql import file_pattern, rows_as_dicts

SCHEMA = "routerscope.alerts/1"
Kind = Literal["new_model", "price_change", "anomaly", "run_failed", "check_failed"]
Severity = Literal["info", "warning", "error"]

# What is older than this, on the clock of the data, is no news any more, however late it is found.
_NEWS_DAYS = 30
_AT_ONCE = 100
# A revised day can move the first day of an event of `anomaly` by so much.
_EVENT_SHIFT = dt.timedelta(days=1)
_TIMEOUT_SECONDS = 10.0

# Where a price came from, and where the first one of a model did; a change that stands out is an anomaly as well, and a
# warning if the rankings list the model.
_PRICES = """
    SELECT
        history.*,
        min(valid_from) OVER (PARTITION BY model_id) = valid_from AND NOT is_return AS is_new,
        jumps.subject IS NOT NULL AS is_jump
    FROM read_parquet($folder || '/price_history.parquet') AS history
    LEFT JOIN read_parquet($folder || '/anomaly.parquet') AS jumps
        ON jumps.kind = 'price_jump' AND jumps.is_listed AND jumps.subject = model_id
        AND CAST(valid_from AS DATE) BETWEEN jumps.date AND jumps.last_date
    QUALIFY valid_from > max(last_seen_at) OVER () - to_days($days)
        AND valid_from > min(valid_from) OVER ()
        AND model_id NOT LIKE '~%'  -- an alias costs what its target does
        AND (
            is_new
            OR prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
            OR completion_usd_per_mtok <> previous_completion_usd_per_mtok
        )
    ORDER BY valid_from, model_id
"""
_ANOMALIES = """
    SELECT * FROM read_parquet($folder || '/anomaly.parquet')
    WHERE kind <> 'price_jump' AND date > (
        SELECT max(period_start) - $days FROM read_parquet($folder || '/traffic_summary.parquet') WHERE period = 'day'
    )
    ORDER BY date, kind, subject_type, subject
"""


@dataclass(frozen=True)
class Alert:
    """One thing to tell. `id` stays for ever; of what has the same `once`, only the first is told until it is over.

    What was told under one of `other_ids` is told as well.
    """

    id: str
    kind: Kind
    severity: Severity
    at: str
    subject: str
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)
    scope_id: str | None = None
    source_url: str | None = None
    citation: str | None = None
    as_of: str | None = None
    checked_at: str | None = None
    once: str = ""
    other_ids: Sequence[str] = ()

    @property
    def key(self) -> str:
        """What the ledger knows it by."""
        return self.once or self.id

    def body(self) -> dict[str, Any]:
        """What is sent; every field always, null where it says nothing."""
        told = asdict(self)
        del told["once"], told["other_ids"]
        return told


def news(generation: Path) -> list[Alert]:
    """The new models, price changes and anomalies of a generation that are not old, the oldest first.

    Raises AlertError if it cannot be read.
    """
    try:
        return _news(generation)
    except duckdb.Error as error:
        raise AlertError(f"{generation} cannot be read: {error}. Its news wait for the next tick.") from error


def _news(generation: Path) -> list[Alert]:
    with duckdb.connect() as connection:
        given = {"folder": file_pattern(generation), "days": _NEWS_DAYS}
        cited = citations_by_url(connection.read_parquet(file_pattern(generation / "citations.parquet")))
        prices, anomalies = (rows_as_dicts(connection.execute(sql, given)) for sql in (_PRICES, _ANOMALIES))
    found = [*(_price(row, cited) for row in prices), *(_anomaly(row, cited, anomalies) for row in anomalies)]
    return [replace(one, text=f"SIMULATED: {one.text}") if one.scope_id == "simulated" else one for one in found]


def _price(row: Mapping[str, Any], cited: Mapping[str, str]) -> Alert:
    model, seen = row["model_id"], _moment(row["valid_from"])
    now = f"input {_usd(row['prompt_usd_per_mtok'])}, output {_usd(row['completion_usd_per_mtok'])}"
    names = ("prompt_usd_per_mtok", "completion_usd_per_mtok", "valid_from", "not_before")
    if row["is_new"]:
        text = f"{model} was first seen on the price list at {seen}: {now} USD per million tokens."
        return Alert(
            f"new_model/{model}", "new_model", "info", seen, model, text, _plain(row, names), **_source(row, cited)
        )
    before = (
        f"input {_usd(row['previous_prompt_usd_per_mtok'])}, output {_usd(row['previous_completion_usd_per_mtok'])}"
    )
    text = f"The listed price of {model} changed, first seen {seen}: {now}, before {before} USD per million tokens."
    return Alert(
        f"price_change/{model}/{seen}",
        "price_change",
        "warning" if row["is_jump"] else "info",
        seen,
        model,
        text,
        _plain(
            row,
            (
                *names,
                "previous_prompt_usd_per_mtok",
                "previous_completion_usd_per_mtok",
                "prompt_change_pct",
                "completion_change_pct",
            ),
        ),
        **_source(row, cited),
    )


def _anomaly(row: Mapping[str, Any], cited: Mapping[str, str], events: Iterable[Mapping[str, Any]] = ()) -> Alert:
    """The alert of an event; `events` are all that the release has, each of which has an alert of its own."""
    # A revision can move the first day of an event, which was then sent under the id of another day.
    first, last = row["date"] - _EVENT_SHIFT, row["last_date"] + _EVENT_SHIFT
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    moved = {_event_id(row, day) for day in days} - {_event_id(one, one["date"]) for one in events}
    return Alert(
        _event_id(row, row["date"]),
        "anomaly",
        "warning",
        f"{row['date']}",
        row["subject_name"],
        f"{row['kind']} on {row['date']}: {row['evidence']} {row['hint']}",
        _plain(
            row,
            (
                "kind",
                "subject_type",
                "subject",
                "value",
                "expected",
                "score",
                "threshold",
                "score_unit",
                "peak_date",
                "last_date",
                "is_listed",
            ),
        ),
        **_source(row, cited),
        other_ids=sorted(moved),
    )


def _event_id(row: Mapping[str, Any], day: dt.date) -> str:
    return f"anomaly/{row['kind']}/{row['subject_type']}/{row['subject']}/{day}"


def _source(row: Mapping[str, Any], cited: Mapping[str, str]) -> dict[str, Any]:
    citation = cited.get(row["source_url"])
    return {
        "scope_id": row["scope_id"],
        "source_url": row["source_url"],
        "citation": citation and citation_as_of(citation, row["as_of"]),
        "as_of": _moment(row["as_of"]),
        "checked_at": _moment(row["checked_at"]),
    }


def _plain(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    values = {name: row[name] for name in names}
    return {
        name: _moment(value) if isinstance(value, dt.datetime) else f"{value}" if isinstance(value, dt.date) else value
        for name, value in values.items()
    }


def _moment(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _usd(price: float | None) -> str:
    return "none" if price is None else as_listed(price)


class Channel(Protocol):
    """Somewhere to send alerts. `name` says which it is without its secrets."""

    name: str

    def send(self, alerts: Sequence[Alert]) -> None:
        """Raises AlertError if they did not arrive."""


class Webhook:
    """Posts `{"schema", "alerts"}` as JSON. The address is a secret: it is in no name, error or log."""

    def __init__(self, address: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._address, self._timeout = address, timeout_seconds
        self.name = f"webhook {hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def send(self, alerts: Sequence[Alert]) -> None:
        try:
            with contextlib.closing(Http(self._timeout)) as http:
                answer, _ = http.fetch(
                    "POST",
                    self._address,
                    json={"schema": SCHEMA, "alerts": [alert.body() for alert in alerts]},
                    within_seconds=self._timeout,
                    max_bytes=0,  # only the status matters
                )
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # whose words may hold the address
            raise AlertError(f"The webhook did not answer ({type(error).__name__}).") from None
        if not answer.is_success:
            raise AlertError(f"The webhook answered {answer.status_code}.")


class File:
    """Appends to a file, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file {path}"

    def send(self, alerts: Sequence[Alert]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+", encoding="utf-8", errors="replace") as file:  # a character may be torn
                file.seek(0)
                # Who was killed before noting it has told it all the same.
                lines = file.readlines()
                told = {identifier for line in lines if (identifier := _id_in(line))}
                if lines and not lines[-1].endswith("\n"):
                    file.write("\n")  # killed while it wrote
                file.writelines(
                    json.dumps(alert.body(), ensure_ascii=False) + "\n" for alert in alerts if alert.id not in told
                )
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AlertError(f"{self._path} cannot be written: {error}.") from error


def _id_in(line: str) -> str:
    """The id of the alert in a line; nothing if it holds none."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(line)["id"])
    return ""


class Log:
    """A line each, wherever the caller's log goes."""

    name = "log"

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def send(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            source = f" {alert.citation} Checked {alert.checked_at}, scope {alert.scope_id}." if alert.citation else ""
            self._tell(f"{alert.severity}: {alert.text}{source}")


def channels(settings: Settings, tell: Callable[[str], None]) -> list[Channel]:
    """The channels that are set; none by default."""
    found: list[Channel] = []
    if settings.alerts_webhook:
        found.append(Webhook(settings.alerts_webhook.get_secret_value()))
    if settings.alerts_file:
        found.append(File(settings.alerts_file))
    if settings.alerts_log:
        found.append(Log(tell))
    return found


class Ledger:
    """What was told to which channel, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """The only one that tells and notes: two daemons would each tell what the other has not noted yet."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = self._path.with_suffix(".lock").open("w")
        except OSError as error:
            raise AlertError(f"{self._path.parent} cannot be written: {error}. Nothing was sent.") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _open(self, meanwhile: str = "Nothing was sent.") -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS told "
                    "(channel TEXT, once TEXT, id TEXT, at TEXT, PRIMARY KEY (channel, once))"
                )
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise AlertError(
                f"{self._path}, which keeps what was told, cannot be used: {error}. {meanwhile} Mend it or delete it: "
                "without it, all that is there now is taken as known."
            ) from error

    def told(self, channel: Channel) -> set[str]:
        with self._open() as connection:
            rows = connection.execute(
                "SELECT once FROM told WHERE channel = ? AND at IS NOT NULL", [channel.name]
            ).fetchall()
        return {once for (once,) in rows}

    def intend(self, channel: Channel, telling: Mapping[str, str]) -> None:
        """These are about to be told (once → id). What can be noted now can be noted then, on a disk that fills up."""
        with self._open() as connection:
            self._write(connection, channel, telling, None)

    def note(self, channel: Channel, told: Mapping[str, str]) -> None:
        """These were told: once → id."""
        with self._open("What was sent last may come again, with the same ids.") as connection:
            self._write(connection, channel, told, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))

    @staticmethod
    def _write(connection: sqlite3.Connection, channel: Channel, told: Mapping[str, str], at: str | None) -> None:
        rows = [(channel.name, once, identifier, at) for once, identifier in told.items()]
        connection.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", rows)

    def forget(self, onces: Sequence[str]) -> None:
        """These are over: when they come again, that is news."""
        with self._open() as connection:
            connection.executemany("DELETE FROM told WHERE once = ?", [(once,) for once in onces])


def tell_once(found: Mapping[str, Sequence[Alert]], to: Sequence[Channel], ledger: Ledger) -> tuple[int, list[str]]:
    """Tell each channel what it was not told yet; returns how many alerts were sent, and what went wrong.

    `found` are all that there are now, by where they are from. What a channel hears first from anywhere is taken as
    known: nobody is told a whole history.
    """
    with ledger.alone():
        return _tell_once(found, to, ledger)


def _tell_once(found: Mapping[str, Sequence[Alert]], to: Sequence[Channel], ledger: Ledger) -> tuple[int, list[str]]:
    count, problems = 0, []
    for channel in to:
        told = ledger.told(channel)
        fresh: dict[str, Alert] = {}
        for origin, alerts in found.items():
            unknown = {alert.key: alert for alert in alerts if told.isdisjoint([alert.key, *alert.other_ids])}
            begun = f"begun/{origin}"
            if begun in told:
                fresh |= unknown
            else:
                ledger.note(channel, {begun: begun, **{once: alert.id for once, alert in unknown.items()}})
        waiting = list(fresh.items())
        while waiting:
            batch, rest = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            telling = {once: alert.id for once, alert in batch}
            ledger.intend(channel, telling)
            try:
                channel.send([alert for _, alert in batch])
            except AlertError as error:
                problems.append(f"{channel.name}: {error} {len(waiting)} alerts wait for the next tick.")
                break
            ledger.note(channel, telling)
            count, waiting = count + len(batch), rest
    return count, problems
