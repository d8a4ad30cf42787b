"""Trace a published row back to the raw files that supplied it, and verify that those files are unchanged.

The table `provenance` lists the days that each response contains. The row's own columns (its period or window, its
timestamps and its slice) determine which of these responses may have supplied it. `storage.lake` writes the files and
checks their hashes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import duckdb

from orchestration.errors import QueryError
from orchestration.openrouter.essential import ESSENTIAL
from orchestration.openrouter.surfaces import APPS, RANKINGS
from orchestration.periods import last_day
from orchestration.storage.lake import Lake, is_intact
from orchestration.storage.sql import quoted, rows_as_dicts

FileState = Literal["intact", "changed", "missing"]
Row = Mapping[str, Any]

# Surfaces whose responses contain days. The others describe the state at one moment.
_DAILY_SURFACES = (*(surface.name for surface in ESSENTIAL[RANKINGS.name]), APPS.name)
# Tables whose weeks and months also need the days in them, regardless of `basis`.
_TABLES_THAT_READ_DAYS = ("share_app", "traffic_summary")
# Days in a window, and days from a window to the one it is compared with: the seed horizons, which no release holds.
_WINDOW_AND_STEP_DAYS = {"1d": (1, 1), "7d": (7, 7), "28d": (28, 28), "364d": (28, 364)}
# An anomaly is measured against the four weeks before it.
_BASELINE_DAYS = 28
_MAX_EXAMPLES = 5


@dataclass(frozen=True)
class RawFile:
    """A raw file that supplied a row: its response, the first and last day used, and whether its bytes are intact."""

    surface: str
    slice: str
    first_date: dt.date
    last_date: dt.date
    raw_file: str
    request_url: str
    payload_sha256: str
    as_of: dt.datetime
    fetched_at: dt.datetime
    state: FileState


@dataclass(frozen=True)
class LakeAudit:
    """The number of raw files, and the names of those that were changed or are missing."""

    files: int
    changed: list[str]
    missing: list[str]


def find_row(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], key: Sequence[str]) -> Row:
    """The one row with this key. Values of `key` are in the order of the key's columns, or written column=value.

    Raises QueryError, with example keys, if no row or several rows match.
    """
    named = dict(part.partition("=")[::2] for part in key if part.partition("=")[0] in columns and "=" in part)
    positional = [part for part in key if not (part.partition("=")[0] in columns and "=" in part)]
    unnamed_columns = [column for column in columns if column not in named]
    if len(positional) > len(unnamed_columns):
        raise QueryError(f"{' '.join(key)!r} has too many values: the key of {table} is {', '.join(columns)}.")
    values = named | dict(zip(unnamed_columns, positional, strict=False))
    where = " and ".join(f"cast({quoted(column)} as varchar) = ${column}" for column in values) or "true"
    # If the key has a date, the newest rows come first.
    order = ", ".join(f"{quoted(column)} desc" for column in columns)
    rows = rows_as_dicts(
        connection.execute(f"from {quoted(table)} where {where} order by {order} limit {_MAX_EXAMPLES + 1}", values)
    )
    if len(rows) == 1:
        return rows[0]
    condition = " and ".join(f"{column} = {value}" for column, value in values.items()) or "any key"
    if not rows:
        examples = _example_keys(connection, table, columns, order)
        raise QueryError(
            f"{table} has no row with {condition}. Its key is {', '.join(columns)}, for example:\n{examples}"
        )
    examples = "\n".join("  " + _as_key(row, columns) for row in rows[:_MAX_EXAMPLES])
    raise QueryError(
        f"{table} has several rows with {condition}. Give all of {', '.join(columns)}, for example:\n{examples}"
    )


def _example_keys(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], order: str) -> str:
    keys = connection.execute(
        f"select {', '.join(map(quoted, columns))} from {quoted(table)} order by {order} limit {_MAX_EXAMPLES}"  # noqa: S608
    ).fetchall()
    lines = ["  " + _as_key(dict(zip(columns, key, strict=True)), columns) for key in keys]
    return "\n".join(lines) or "  (the table is empty)"


def _as_key(row: Row, columns: Sequence[str]) -> str:
    return " ".join(f"'{row[column]}'" if " " in str(row[column]) else str(row[column]) for column in columns)


def files_of(
    connection: duckdb.DuckDBPyConnection, table: str, row: Row, surfaces: Iterable[str], lake: Path
) -> list[RawFile]:
    """The raw files that supplied a row, newest first, each verified. `surfaces` are those that feed the table."""
    provenance = connection.execute(
        "from provenance where as_of between $oldest and $newest and list_contains($surfaces, surface) "
        "order by as_of desc, surface, slice, raw_file, date",
        {
            "oldest": row["oldest_as_of"],
            "newest": row["as_of"],
            "surfaces": [row["surface"]] if "surface" in row else list(surfaces),
        },
    )
    candidates = rows_as_dicts(provenance)
    # If no response contains a day of the row, the row comes from its newest response.
    supplying = list(filter(_supplies(connection, table, row, candidates), candidates)) or [
        one for one in candidates if one["as_of"] == row["as_of"] and one["slice"] == row.get("slice", "all")
    ]
    days_by_file: dict[str, list[Row]] = {}
    for one in supplying:
        days_by_file.setdefault(one["raw_file"], []).append(one)
    return [
        RawFile(
            surface=days[0]["surface"],
            slice=days[0]["slice"],
            first_date=days[0]["date"],
            last_date=days[-1]["date"],
            raw_file=raw_file,
            request_url=days[0]["request_url"],
            payload_sha256=days[0]["payload_sha256"],
            as_of=days[0]["as_of"],
            fetched_at=days[0]["fetched_at"],
            state=verify(lake / raw_file),
        )
        for raw_file, days in days_by_file.items()
    ]


def _supplies(
    connection: duckdb.DuckDBPyConnection, table: str, row: Row, candidates: Sequence[Row]
) -> Callable[[Row], bool]:
    """A predicate over rows of `provenance`: whether that response, on that day, may have supplied this row."""
    if "raw_file" in row:
        return lambda one: one["raw_file"] == row["raw_file"]
    if table == "citations":
        return lambda one: bool(one["as_of"] == row["as_of"])
    if table in ("coverage", "restatement"):  # these compare all responses that contain the day
        return lambda one: bool((one["slice"], one["date"], one["period"]) == (row["slice"], row["date"], "day"))
    windows, periods = _windows(table, row), _periods(table, row)
    moments = _moments(connection, table, row, windows, candidates)
    reads_every_slice = table in ("model", "author")

    def supplies(one: Row) -> bool:
        if one["surface"] in _DAILY_SURFACES:
            is_of_slice = reads_every_slice or one["surface"] == APPS.name or one["slice"] == _slice(row)
            is_in_window = any(first <= one["date"] <= last for first, last in windows)
            # A model or author that only a slice lists has no days of its own.
            is_in_window |= reads_every_slice and one["as_of"] in (row["as_of"], row["oldest_as_of"])
            return bool(one["is_latest"] and is_of_slice and is_in_window and one["period"] in periods)
        return one["as_of"] in moments and _is_about(one["request_url"], row)

    return supplies


def _slice(row: Row) -> str:
    """The slice as `provenance` names it: text&10K of modality&context_bucket is modality=text&context_bucket=10K."""
    if "slice_kind" not in row:
        return "all"
    pairs = zip(row["slice_kind"].split("&"), row["slice"].split("&"), strict=True)
    return "&".join(f"{kind}={value}" for kind, value in pairs)


def _windows(table: str, row: Row) -> list[tuple[dt.date, dt.date]]:
    """The days that a row covers as (first, last), including the windows it is compared with."""
    day = dt.timedelta(days=1)
    if table == "traffic_summary":  # growth, doubling time and survival read all days before
        return [(dt.date.min, last_day(row["period"], row["period_start"]))]
    if "period_start" in row:
        return [(row["period_start"], last_day(row["period"], row["period_start"]))]
    if "horizon" in row:
        length, step = _WINDOW_AND_STEP_DAYS[row["horizon"]]
        first, end = row["window_end"] - (length - 1) * day, row["window_end"]
        # The window that this one is compared with; if windows adjoin, the three windows before.
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


def _periods(table: str, row: Row) -> set[str]:
    """The periods that the requests for the supplying responses may have had."""
    if table in ("app", "author", "model"):
        return {"day", "week", "month"}
    if row.get("basis") == "days" or "period" not in row:
        return {"day"}
    # An app's weekly total may be the sum of its days, and a summary compares with days before.
    return {row["period"]} if "basis" in row and table not in _TABLES_THAT_READ_DAYS else {"day", row["period"]}


def _moments(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    row: Row,
    windows: Sequence[tuple[dt.date, dt.date]],
    candidates: Sequence[Row],
) -> set[dt.datetime]:
    """The `as_of` of the responses that describe the state at one moment, such as prices, and can supply the row."""
    moments = {value for value in row.values() if isinstance(value, dt.datetime)}
    if table == "model_scorecard":  # the newest response of each surface
        newest = {one["surface"]: one["as_of"] for one in reversed(candidates) if one["surface"] not in _DAILY_SURFACES}
        return moments | set(newest.values())
    members = {name: row[name] for name in ("model_permaslug", "author") if name in row}
    for first, last in windows:
        of_members = "".join(f" and {name} = ?" for name in members)
        days = connection.execute(
            "select distinct unnest([price_as_of, bounds_as_of, endpoint_as_of]) from spend_model "  # noqa: S608  # only our own column names
            f"where period = 'day' and period_start between ? and ?{of_members}",
            [first, last, *members.values()],
        )
        moments |= {moment for (moment,) in days.fetchall() if moment}
    return moments


def _is_about(request_url: str, row: Row) -> bool:
    """Whether the response can contain the row's model: most responses of endpoints describe a single model."""
    requested = re.search(r"/models/([^{}]+)/endpoints", request_url)
    if requested is None or not row.get("model_id"):
        return True
    return bool(row["model_id"].partition(":")[0] == unquote(requested[1]).partition(":")[0])


def verify(path: Path) -> FileState:
    """Whether a raw file exists and its bytes still have the hash in its name."""
    if not path.exists():
        return "missing"
    return "intact" if is_intact(path) else "changed"


def audit_lake(connection: duckdb.DuckDBPyConnection, root: Path) -> LakeAudit:
    """Verify every raw file below `root`, and find missing files that the table `provenance` names."""
    lake = Lake(root)
    present = {str(path.relative_to(root)) for path in lake.files("*")}
    changed = sorted(str(path.relative_to(root)) for path in lake.changed())
    named = {name for (name,) in connection.execute("select distinct raw_file from provenance").fetchall()}
    return LakeAudit(len(present), changed, sorted(named - present))
