"""The top of the report: five tiles with their change and a small line each, and one sentence about the period.

A tile shows values of the marts; its changes are differences of two of them. Each number carries the rows it comes
from, so that a test can compare page and mart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.formatting import as_percent, change_in_percent, in_words, usd_price
from orchestration.publish.report.findings import SMALLEST_CHANGE
from orchestration.storage.sql import rows_as_dicts

_OPEN = "listed models with downloadable weights, share of tokens"
_FREE = "listed models at a price of zero, share of tokens"
_WEEKS = 12  # of the small lines


@dataclass(frozen=True)
class Number:
    """A figure on the page: its text, the column and the row of the mart, and the row subtracted from it, if any."""

    text: str
    mart: str
    column: str
    key: Mapping[str, Any]
    base_key: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Value:
    """A figure of a tile in large type, its change since the period before, and its name if the tile has several."""

    now: Number
    change: Number | None = None
    name: str = ""


@dataclass(frozen=True)
class Tile:
    """A tile: `label` says what its values are; a note is a line of words and numbers; `history` is its small line."""

    title: str
    label: str
    values: Sequence[Value]
    notes: Sequence[Sequence[str | Number]]
    history: Sequence[float | None]


@dataclass(frozen=True)
class Headline:
    """The sentence of the period, and its tiles."""

    sentence: str
    tiles: Sequence[Tile]


def headline(connection: duckdb.DuckDBPyConnection) -> Headline:
    """The tiles and the sentence of the newest period; reads the views of `views.sql`."""
    [newest] = rows_as_dicts(connection.table("newest"))
    tiles = [
        _traffic(connection, newest),
        _leader(connection, newest),
        _segments(
            connection,
            newest,
            "Open weights",
            "weights",
            {"open": ""},
            _OPEN,
        ),
        _segments(
            connection,
            newest,
            "China and US",
            "author_country",
            {"CN": "China", "US": "US"},
            "listed models by the author's headquarters; line: China",
        ),
        _segments(
            connection,
            newest,
            "Free models",
            "price_class",
            {"free": ""},
            _FREE,
        ),
    ]
    return Headline(_sentence(connection), [tile for tile in tiles if tile])


def _points(now: float, before: float) -> str:
    """A change of a share: `+1.3 points`; `no change` if it would read +0.0."""
    change = 100 * (now - before)
    return "no change" if abs(now - before) < SMALLEST_CHANGE else f"{change:+.1f} points"


def _periods(connection: duckdb.DuckDBPyConnection, newest: Mapping[str, Any]) -> list[dt.date]:
    """The periods of the small lines, with those that were not observed: oldest first, the newest last."""
    step = dt.timedelta(days=7 if newest["period"] == "week" else 1)
    [(first,)] = connection.execute(
        "select min(period_start) from traffic_summary where period = ?", [newest["period"]]
    ).fetchall()
    every = [newest["period_start"] - number * step for number in range(_WEEKS)]
    return [start for start in reversed(every) if start >= first]


def _history(
    connection: duckdb.DuckDBPyConnection, newest: Mapping[str, Any], sql: str, *parameters: Any
) -> list[float | None]:
    """A value for each period of the small lines from rows (period_start, value); None where there is no row."""
    found = dict(connection.execute(sql, [newest["period"], *parameters]).fetchall())
    return [found.get(start) for start in _periods(connection, newest)]


def _key(newest: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"period": newest["period"], "period_start": newest["period_start"], **more}


def _base_key(newest: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"period": newest["period"], "period_start": newest["previous_start"], **more}


def _traffic(connection: duckdb.DuckDBPyConnection, newest: Mapping[str, Any]) -> Tile:
    [row] = rows_as_dicts(connection.table("period_traffic"))
    growth, change = row["growth"], None
    if growth is not None:
        size = "no change" if abs(growth) < SMALLEST_CHANGE else change_in_percent(100 * growth)
        change = Number(size, "traffic_summary", f"growth_{newest['horizon']}", _key(newest))
    total = Number(in_words(row["total_tokens"], "tokens"), "traffic_summary", "total_tokens", _key(newest))
    history = _history(connection, newest, "select period_start, total_tokens from traffic_summary where period = ?")
    return Tile("Traffic", "tokens", [Value(total, change)], [], history)


def _leader(connection: duckdb.DuckDBPyConnection, newest: Mapping[str, Any]) -> Tile | None:
    found = rows_as_dicts(connection.table("leading_model"))
    if not found:
        return None
    [row] = found
    slug = row["model_permaslug"]
    key, base_key = _key(newest, model_permaslug=slug), _base_key(newest, model_permaslug=slug)
    notes: list[Sequence[str | Number]] = []
    if row["prompt_usd_per_mtok"] is not None and row["completion_usd_per_mtok"] is not None:
        prices = [
            Number(usd_price(row[column]), "spend_model", column, key)
            for column in ("prompt_usd_per_mtok", "completion_usd_per_mtok")
        ]
        notes.append([prices[0], " input, ", prices[1], " output per million tokens"])
    notes += _price_now(connection, row)
    notes += _leader_of_the_day(connection, slug)
    before = connection.execute(
        "select share from share_model where period = ? and period_start = ? and model_permaslug = ?",
        list(base_key.values()),
    ).fetchone()
    change = Number(_points(row["share"], before[0]), "share_model", "share", key, base_key) if before else None
    return Tile(
        f"Leading model: {row['model_name']}",
        "share of tokens",
        [Value(Number(as_percent(row["share"]), "share_model", "share", key), change)],
        notes,
        _history(
            connection,
            newest,
            "select period_start, share from share_model where period = ? and model_permaslug = ?",
            slug,
        ),
    )


def _price_now(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> list[Sequence[str | Number]]:
    """The newest listed price of the leading model, if it is another than that of the period."""
    found = rows_as_dicts(
        connection.execute(
            """
            select price_current.model_id, prompt_usd_per_mtok, completion_usd_per_mtok, price_current.as_of
            from price_current
            join model_names using (model_id)
            where model_names.model_permaslug = ?
                and prompt_usd_per_mtok is not null and completion_usd_per_mtok is not null
                and (prompt_usd_per_mtok, completion_usd_per_mtok) is distinct from (?, ?)
            order by price_current.model_id
            limit 1
            """,
            [row["model_permaslug"], row["prompt_usd_per_mtok"], row["completion_usd_per_mtok"]],
        )
    )
    return [
        [
            f"On {one['as_of'].day} {one['as_of']:%B}: ",
            Number(usd_price(one["prompt_usd_per_mtok"]), "price_current", "prompt_usd_per_mtok", key),
            " and ",
            Number(usd_price(one["completion_usd_per_mtok"]), "price_current", "completion_usd_per_mtok", key),
        ]
        for one in found
        for key in [{"model_id": one["model_id"]}]
    ]


def _leader_of_the_day(connection: duckdb.DuckDBPyConnection, slug: str) -> list[Sequence[str | Number]]:
    """The leader of the newest day, if another model led the week: a table of that day must not surprise."""
    found = rows_as_dicts(
        connection.execute(
            """
            select share_model.*, model_name
            from share_model
            join model_names using (model_permaslug)
            where period = 'day' and rank = 1 and model_permaslug <> ?
                and period_start = (select max(period_start) from share_model where period = 'day')
            order by model_permaslug
            limit 1
            """,
            [slug],
        )
    )
    return [
        [
            f"On {row['period_start'].day} {row['period_start']:%B}, {row['model_name']} led with ",
            Number(
                as_percent(row["share"]),
                "share_model",
                "share",
                {"period": "day", "period_start": row["period_start"], "model_permaslug": row["model_permaslug"]},
            ),
        ]
        for row in found
    ]


def _segments(
    connection: duckdb.DuckDBPyConnection,
    newest: Mapping[str, Any],
    title: str,
    kind: str,
    segments: Mapping[str, str],
    label: str,
) -> Tile | None:
    """The shares of one or two segments; the small line is that of the first. Without any of them there is no tile."""
    values: list[Value] = []
    notes: list[Sequence[str | Number]] = []
    history: list[float | None] = []
    for segment, name in segments.items():
        key, base_key = (one(newest, segment_type=kind, segment=segment) for one in (_key, _base_key))
        now, before = (
            connection.execute(
                "select share, share_high from share_segment "
                "where period = ? and period_start = ? and segment_type = ? and segment = ?",
                list(one.values()),
            ).fetchone()
            for one in (key, base_key)
        )
        if not now:
            continue
        change = Number(_points(now[0], before[0]), "share_segment", "share", key, base_key) if before else None
        values.append(Value(Number(as_percent(now[0]), "share_segment", "share", key), change, name))
        if now[1] > now[0] + SMALLEST_CHANGE:
            at_most = Number(as_percent(now[1]), "share_segment", "share_high", key)
            notes.append([f"{name}, " if name else "", "with unlisted models: at most ", at_most])
        history = history or _history(
            connection,
            newest,
            "select period_start, share from share_segment where period = ? and segment_type = ? and segment = ?",
            kind,
            segment,
        )
    return Tile(title, label, values, notes, history) if values else None


def _sentence(connection: duckdb.DuckDBPyConnection) -> str:
    """Who leads, how traffic moved, and whether open weights gained: what is known of the three, in one sentence."""
    [row] = rows_as_dicts(
        connection.sql(
            """
            select
                total_tokens, growth,
                (
                    select {'author': author_name, 'share': share}
                    from share_author join newest using (period, period_start) join author_names using (author)
                    where rank = 1 order by author limit 1
                ) as leader,
                (
                    select share from share_segment join newest using (period, period_start)
                    where segment_type = 'weights' and segment = 'open'
                ) as open,
                (
                    select share from share_segment
                    join newest
                        on share_segment.period = newest.period and share_segment.period_start = previous_start
                    where segment_type = 'weights' and segment = 'open'
                ) as open_before
            from period_traffic
            """
        )
    )
    growth = row["growth"]
    total = f"{in_words(row['total_tokens'], 'tokens')} tokens"
    if growth is None:
        traffic = f"Traffic was {total}"
    elif abs(growth) < SMALLEST_CHANGE:
        traffic = f"Traffic stayed at {total}"
    else:
        traffic = f"Traffic {'rose' if growth > 0 else 'fell'} {change_in_percent(100 * abs(growth))[1:]} to {total}"
    parts = [traffic]
    if row["leader"]:
        parts.append(f"the models of {row['leader']['author']} led with {as_percent(row['leader']['share'])}")
    if row["open"] is not None:
        held = f"listed open-weight models had {as_percent(row['open'])}"
        if row["open_before"] is not None:
            held += f" ({_points(row['open'], row['open_before'])})"
        parts.append(held)
    return f"{', '.join(parts[:-1])}{', and ' if len(parts) > 2 else ' and ' if len(parts) == 2 else ''}{parts[-1]}."


def sparkline(values: Sequence[float | None], width: int = 96, height: int = 24) -> list[list[tuple[float, float]]]:
    """A small line from 0 to the largest value, as runs of points in pixels; a missing value breaks the line."""
    top = max((value for value in values if value is not None), default=0) or 1
    step = (width - 6) / max(len(values) - 1, 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((round(3 + number * step, 1), round(height - 3 - value / top * (height - 6), 1)))
    return [run for run in runs if run]
