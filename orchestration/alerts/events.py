"""The fields of an alert, and the alerts of a release: new models, price changes and anomalies of the last 30 days.

Failed runs and checks become alerts in `defs.failure_alerts`, because only Dagster records them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.errors import AlertError
from orchestration.formatting import SIMULATED_PREFIX, date_in_words, iso_timestamp, timestamp_in_words, usd_price
from orchestration.publish.citations import citation_as_of, citations_by_url
from orchestration.storage.sql import file_pattern, rows_as_dicts
from orchestration.untrusted import plain_text

Kind = Literal["new_model", "price_change", "anomaly", "run_failed", "check_failed"]
Severity = Literal["info", "warning", "error"]

# By the clock of the data. Older events are not sent, even if a response that arrives late reveals them.
_MAX_AGE_DAYS = 30
# A revised day can move the first day of an event of `anomaly` by this much.
_EVENT_SHIFT = dt.timedelta(days=1)

# New models and changed prices. A large change (`is_jump`) is an anomaly too; its alert is a warning if the rankings
# list the model.
_PRICES = """
    select
        history.*,
        min(valid_from) over (partition by model_id) = valid_from and not is_return as is_new,
        jumps.subject is not null as is_jump
    from read_parquet($folder || '/price_history.parquet') as history
    left join read_parquet($folder || '/anomaly.parquet') as jumps
        on jumps.kind = 'price_jump' and jumps.is_listed and jumps.subject = model_id
        and cast(valid_from as date) between jumps.date and jumps.last_date
    qualify valid_from > max(last_seen_at) over () - to_days($days)
        and valid_from > min(valid_from) over ()
        and model_id not like '~%'  -- an alias has the price of its target
        and (
            is_new
            or prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
            or completion_usd_per_mtok <> previous_completion_usd_per_mtok
        )
    order by valid_from, model_id
"""
_ANOMALIES = """
    select * from read_parquet($folder || '/anomaly.parquet')
    where kind <> 'price_jump' and date > (
        select max(period_start) - $days from read_parquet($folder || '/traffic_summary.parquet') where period = 'day'
    )
    order by date, kind, subject_type, subject
"""
_PRICE_DETAILS = ("prompt_usd_per_mtok", "completion_usd_per_mtok", "valid_from", "not_before")
_CHANGE_DETAILS = (
    "previous_prompt_usd_per_mtok",
    "previous_completion_usd_per_mtok",
    "prompt_change_pct",
    "completion_change_pct",
)
_ANOMALY_DETAILS = (
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
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Alert:
    """One event to send. `id` never changes.

    Of alerts with the same `dedup_key`, such as a check that keeps failing, only the first is sent until the key is
    forgotten. An alert also counts as sent if one of `other_ids` was sent. Times are UTC, in ISO 8601.
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
    dedup_key: str = ""
    other_ids: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Text for people shows no control characters of a name; `id` and `details` keep the name."""
        for name in ("subject", "text"):
            object.__setattr__(self, name, plain_text(getattr(self, name)))

    @property
    def key(self) -> str:
        """The key under which deliveries are recorded."""
        return self.dedup_key or self.id

    def body(self) -> dict[str, Any]:
        """The JSON object to send. It has every field; those without a value are null."""
        body = asdict(self)
        del body["dedup_key"], body["other_ids"]
        return body


def release_alerts(release: Path) -> list[Alert]:
    """The new models, price changes and anomalies of a release, each kind from the oldest to the newest.

    Raises AlertError if the release cannot be read.
    """
    try:
        with duckdb.connect() as connection:
            parameters = {"folder": file_pattern(release), "days": _MAX_AGE_DAYS}
            citations = citations_by_url(connection.read_parquet(file_pattern(release / "citations.parquet")))
            prices, anomalies = (rows_as_dicts(connection.execute(sql, parameters)) for sql in (_PRICES, _ANOMALIES))
    except duckdb.Error as error:
        raise AlertError(f"{release} cannot be read: {error}. The next tick sends its alerts.") from error
    found = [price_alert(row, citations) for row in prices]
    found += [anomaly_alert(row, citations, anomalies) for row in anomalies]
    return [replace(one, text=f"{SIMULATED_PREFIX}{one.text}") if one.scope_id == "simulated" else one for one in found]


def price_alert(row: Row, citations: Mapping[str, str]) -> Alert:
    """The alert of a model's first price, or of a changed one; `citations` are the citation lines by source URL."""
    model, seen = row["model_id"], iso_timestamp(row["valid_from"])
    seen_on = timestamp_in_words(row["valid_from"])
    now = _prices(row["prompt_usd_per_mtok"], row["completion_usd_per_mtok"])
    if row["is_new"]:
        return Alert(
            id=f"new_model/{model}",
            kind="new_model",
            severity="info",
            at=seen,
            subject=model,
            text=f"{model} was first listed with a price on {seen_on}: {now} per million tokens.",
            details=_details(row, _PRICE_DETAILS),
            **_provenance(row, citations),
        )
    before = _prices(row["previous_prompt_usd_per_mtok"], row["previous_completion_usd_per_mtok"])
    return Alert(
        id=f"price_change/{model}/{seen}",
        kind="price_change",
        severity="warning" if row["is_jump"] else "info",
        at=seen,
        subject=model,
        text=f"The listed price of {model} changed from {before} to {now} per million tokens, first seen on {seen_on}.",
        details=_details(row, (*_PRICE_DETAILS, *_CHANGE_DETAILS)),
        **_provenance(row, citations),
    )


def anomaly_alert(row: Row, citations: Mapping[str, str], events: Iterable[Row] = ()) -> Alert:
    """The alert for an event of `anomaly`. `events` has all events of the release, each of which has its own alert."""
    # A revision can move the first day of an event. Its alert was then sent with the id of another day.
    first, last = row["date"] - _EVENT_SHIFT, row["last_date"] + _EVENT_SHIFT
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    moved = {_event_id(row, day) for day in days} - {_event_id(one, one["date"]) for one in events}
    return Alert(
        id=_event_id(row, row["date"]),
        kind="anomaly",
        severity="warning",
        at=f"{row['date']}",
        subject=row["subject_name"],
        text=f"{row['kind']} on {date_in_words(row['date'])}: {row['evidence']} {row['hint']}",
        details=_details(row, _ANOMALY_DETAILS),
        **_provenance(row, citations),
        other_ids=sorted(moved),
    )


def _event_id(row: Row, day: dt.date) -> str:
    return f"anomaly/{row['kind']}/{row['subject_type']}/{row['subject']}/{day}"


def _provenance(row: Row, citations: Mapping[str, str]) -> dict[str, Any]:
    citation = citations.get(row["source_url"])
    return {
        "scope_id": row["scope_id"],
        "source_url": row["source_url"],
        "citation": citation and citation_as_of(citation, row["as_of"]),
        "as_of": iso_timestamp(row["as_of"]),
        "checked_at": iso_timestamp(row["checked_at"]),
    }


def _details(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """Columns of a row as values that JSON can hold."""
    values = {name: row[name] for name in names}
    return {
        name: iso_timestamp(value)
        if isinstance(value, dt.datetime)
        else f"{value}"
        if isinstance(value, dt.date)
        else value
        for name, value in values.items()
    }


def _prices(prompt: float | None, completion: float | None) -> str:
    return f"input {usd_price(prompt, 'none')}, output {usd_price(completion, 'none')}"
