"""From a published figure back to the raw files that gave it, and whether those are still what they were.

The way leads over the table `provenance`: which responses can have supplied a row follows from what the row says of
itself, its period, its moments and its scope. What a file holds is the lake's business.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.errors import QueryError
from orchestration.storage.lake import is_intact
from orchestration.storage.sql import quoted, rows_as_dicts

State = Literal["intact", "changed", "missing"]
Row = Mapping[str, Any]

# Surfaces that tell of days; the others tell how things stand at a moment.
_TELL_OF_DAYS = ("rankings", "rankings_export", "apps")
_OF_DAYS_TOO = ("share_app", "traffic_summary")
_HORIZON_DAYS = {"1d": (1, 1), "7d": (7, 7), "28d": (28, 28), "364d": (28, 364)}
# An anomaly is held against the four weeks before it.
_BASELINE_DAYS = 28
_SHOWN = 5


@dataclass(frozen=True)
class File:
    """A raw file that supplied a figure: the response in it, the days of it that count, and whether it is intact."""

    surface: str
    slice: str
    first_date: dt.date
    last_date: dt.date
    raw_file: str
    request_url: str
    payload_sha256: str
    as_of: dt.datetime
    fetched_at: dt.datetime
    state: State


def find_row(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], key: Sequence[str]) -> Row:
    """The one row with that key, given in the order of the key's columns or as column=value.

    Raises QueryError saying what is wrong with the key, with rows to choose from if it fits several.
    """
    named = dict(part.partition("=")[::2] for part in key if part.partition("=")[0] in columns and "=" in part)
    rest = [part for part in key if not (part.partition("=")[0] in columns and "=" in part)]
    open_columns = [column for column in columns if column not in named]
    if len(rest) > len(open_columns):
        raise QueryError(f"{table} is keyed by {', '.join(columns)}; {' '.join(key)!r} are too many values for that.")
    wanted = named | dict(zip(open_columns, rest, strict=False))
    where = " AND ".join(f"CAST({quoted(column)} AS VARCHAR) = ${column}" for column in wanted) or "true"
    # The newest first, where there is a day in the key.
    order = ", ".join(f"{quoted(column)} DESC" for column in columns)
    rows = rows_as_dicts(
        connection.execute(f"FROM {quoted(table)} WHERE {where} ORDER BY {order} LIMIT {_SHOWN + 1}", wanted)
    )
    if len(rows) == 1:
        return rows[0]
    if not rows:
        examples = _keys(connection, table, columns, order)
        raise QueryError(
            f"{table} has no row with {_said(wanted)}. Its key is {', '.join(columns)}, such as:\n{examples}"
        )
    examples = "\n".join("  " + _as_key(row, columns) for row in rows[:_SHOWN])
    raise QueryError(
        f"{table} has several rows with {_said(wanted)}. Say all of {', '.join(columns)}, such as:\n{examples}"
    )


def _said(wanted: Mapping[str, str]) -> str:
    return ", ".join(f"{column} = {value}" for column, value in wanted.items()) or "any key"


def _keys(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], order: str) -> str:
    rows = rows_as_dicts(connection.execute(f"FROM {quoted(table)} ORDER BY {order} LIMIT {_SHOWN}"))
    return "\n".join("  " + _as_key(row, columns) for row in rows) or "  (it is empty)"


def _as_key(row: Row, columns: Sequence[str]) -> str:
    return " ".join(f"'{row[column]}'" if " " in str(row[column]) else str(row[column]) for column in columns)


def files_of(
    connection: duckdb.DuckDBPyConnection, table: str, row: Row, surfaces: Iterable[str], lake: Path
) -> list[File]:
    """The raw files that supplied a row, newest first, each verified. `surfaces` are those that feed its table."""
    provenance = connection.execute(
        "FROM provenance WHERE as_of BETWEEN $oldest AND $newest AND list_contains($surfaces, surface) "
        "ORDER BY as_of DESC, surface, slice, raw_file, date",
        {
            "oldest": row["oldest_as_of"],
            "newest": row["as_of"],
            "surfaces": [row["surface"]] if "surface" in row else list(surfaces),
        },
    )
    every = rows_as_dicts(provenance)
    # Where nothing tells of the days that a row is about, the newest response says so.
    supplied = list(filter(_supplier(connection, table, row, every), every)) or [
        one for one in every if one["as_of"] == row["as_of"] and one["slice"] == row.get("slice", "all")
    ]
    files: dict[str, list[Row]] = {}
    for one in supplied:
        files.setdefault(one["raw_file"], []).append(one)
    return [
        File(
            **{
                name: days[0][name]
                for name in ("surface", "slice", "raw_file", "request_url", "payload_sha256", "as_of")
            },
            fetched_at=days[0]["fetched_at"],
            first_date=days[0]["date"],
            last_date=days[-1]["date"],
            state=verify(lake / raw_file),
        )
        for raw_file, days in files.items()
    ]


def _supplier(
    connection: duckdb.DuckDBPyConnection, table: str, row: Row, every: Sequence[Row]
) -> Callable[[Row], bool]:
    """Whether a row of `provenance` can have supplied this row."""
    if "raw_file" in row:
        return lambda one: one["raw_file"] == row["raw_file"]
    if table == "citations":
        return lambda one: bool(one["as_of"] == row["as_of"])
    if table in ("coverage", "restatement"):  # all tellings of the day
        return lambda one: bool((one["slice"], one["date"], one["period"]) == (row["slice"], row["date"], "day"))
    windows, periods = _windows(table, row), _periods(table, row)
    moments = _moments(connection, table, row, windows, every)
    is_of_any_slice = table in ("model", "author")

    def supplies(one: Row) -> bool:
        if one["surface"] in _TELL_OF_DAYS:
            is_asked = is_of_any_slice or one["surface"] == "apps" or one["slice"] == _slice(row)
            in_window = any(first <= one["date"] <= last for first, last in windows)
            # What only a slice lists has no days of its own.
            in_window |= is_of_any_slice and one["as_of"] in (row["as_of"], row["oldest_as_of"])
            return bool(one["is_latest"] and is_asked and in_window and one["period"] in periods)
        return one["as_of"] in moments and _is_about(one["request_url"], row)

    return supplies


def _slice(row: Row) -> str:
    """As the ledger calls it: text&10K of modality&context_bucket is modality=text&context_bucket=10K."""
    if "slice_kind" not in row:
        return "all"
    pairs = zip(row["slice_kind"].split("&"), row["slice"].split("&"), strict=True)
    return "&".join(f"{kind}={value}" for kind, value in pairs)


def _windows(table: str, row: Row) -> list[tuple[dt.date, dt.date]]:
    """The days that a row is about, those it is compared with included."""
    day = dt.timedelta(days=1)
    if table == "traffic_summary":  # growth, doubling and survival look at the days before
        return [(dt.date.min, _period_end(row["period"], row["period_start"]))]
    if "period_start" in row:
        return [(row["period_start"], _period_end(row["period"], row["period_start"]))]
    if "horizon" in row:
        length, step = _HORIZON_DAYS[row["horizon"]]
        first, end = row["window_end"] - (length - 1) * day, row["window_end"]
        # What it is compared with, and three windows before where they follow on each other.
        back = [step] if step > length else [step * number for number in (1, 2, 3)]
        return [(first - by * day, end - by * day) for by in (0, *back)]
    if "first_ranked_on" in row:
        return [(row["first_ranked_on"], row["last_ranked_on"])] if row["first_ranked_on"] else []
    if row.get("window_start"):
        return [(row["window_start"], row["window_end"])]
    if "last_date" in row:
        return [(row["date"] - _BASELINE_DAYS * day, row["last_date"])]
    if "date" in row:
        return [(row["date"] - 4 * _BASELINE_DAYS * day, row["date"])]  # four windows
    return []


def _period_end(period: str, start: dt.date) -> dt.date:
    if period == "month":
        return (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return start + dt.timedelta(days=6 if period == "week" else 0)


def _periods(table: str, row: Row) -> set[str]:
    """What a response may have been asked by."""
    if table in ("app", "author", "model"):
        return {"day", "week", "month"}
    if row.get("basis") == "days" or "period" not in row:
        return {"day"}
    # Of an app's week the total may be that of its days, and a summary looks at days before.
    return {row["period"]} if "basis" in row and table not in _OF_DAYS_TOO else {"day", row["period"]}


def _moments(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    row: Row,
    windows: Sequence[tuple[dt.date, dt.date]],
    every: Sequence[Row],
) -> set[dt.datetime]:
    """When the responses were made that tell how things stand at a moment."""
    moments = {value for value in row.values() if isinstance(value, dt.datetime)}
    if table == "model_scorecard":  # the newest of each
        newest = {one["surface"]: one["as_of"] for one in reversed(every) if one["surface"] not in _TELL_OF_DAYS}
        return moments | set(newest.values())
    members = {name: row[name] for name in ("model_permaslug", "author") if name in row}
    for first, last in windows:
        of_members = "".join(f" AND {name} = ?" for name in members)
        days = connection.execute(
            "SELECT DISTINCT unnest([price_as_of, bounds_as_of, endpoint_as_of]) FROM spend_model "  # noqa: S608  # our own names
            f"WHERE period = 'day' AND period_start BETWEEN ? AND ?{of_members}",
            [first, last, *members.values()],
        )
        moments |= {moment for (moment,) in days.fetchall() if moment}
    return moments


def _is_about(request_url: str, row: Row) -> bool:
    """Whether the response can tell of the row's model: most of those of endpoints tell of a single one."""
    asked = re.search(r"/models/([^{}]+)/endpoints", request_url)
    return asked is None or not row.get("model_id") or row["model_id"].partition(":")[0] == asked[1].partition(":")[0]


def verify(path: Path) -> State:
    """Whether a file of the lake is the one that was written: its name tells the hash of its bytes."""
    if not path.exists():
        return "missing"
    return "intact" if is_intact(path) else "changed"
