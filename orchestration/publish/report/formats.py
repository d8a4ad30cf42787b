"""How figures read in the report: the text of a value, its unit, and the columns of a table.

The same text stands in tables, tooltips and labels. Sentences and titles are in `findings` and `brief`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.formatting import (
    as_percent,
    change_in_percent,
    date_in_words,
    in_words,
    timestamp_in_words,
    usd,
    usd_price,
)

Row = Mapping[str, Any]
MISSING = "–"


@dataclass(frozen=True)
class Format:
    """`text` formats a value that is not null, `unit` follows it in a tooltip, `csv_unit` describes the raw value.

    `kind` is the class of its cells in a table.
    """

    text: Callable[[Any], str]
    csv_unit: str = ""
    unit: str = ""
    kind: str = "number"


def _date(value: str) -> str:
    return date_in_words(dt.date.fromisoformat(value[:10]))


def _timestamp(value: str) -> str:
    return timestamp_in_words(dt.datetime.fromisoformat(value))


def _signed(value: float, digits: int) -> str:
    """A number with its sign; a zero, and what rounds to it, has none."""
    rounded = round(value, digits)
    return f"{rounded:+,.{digits}f}" if rounded else f"{0:.{digits}f}"


def _change(percent: float) -> str:
    return change_in_percent(percent) if percent else "0%"


TEXT = Format(str, kind="text")
YES_NO = Format(lambda value: "yes" if value else "no", kind="text")
DATE = Format(_date, "UTC day", kind="date")
TIMESTAMP = Format(_timestamp, "UTC", kind="date")
COUNT = Format(lambda value: f"{value:,.0f}")
TOKEN_COUNT = Format(lambda value: f"{value:,.0f}", "tokens", " tokens")
POINTS_OF_10000 = Format(lambda value: f"{value:,.0f}", "points of 10,000", " points")
SHARE = Format(as_percent, "fraction of all tokens")
FRACTION = Format(as_percent, "fraction")
POINTS = Format(lambda value: _signed(value, 1), "percentage points", " points")
RANKS = Format(lambda value: _signed(value, 0), "ranks")
GROWTH = Format(lambda value: _change(100 * value), "fraction")
PERCENT_CHANGE = Format(_change, "percent")
TOKENS = Format(lambda value: in_words(value, "tokens"), "tokens", " tokens")
USD = Format(usd, "USD")
PRICE = Format(usd_price, "USD per million tokens", " per million tokens")
UPTIME = Format(lambda value: f"{value:.1f}%", "percent")


@dataclass(frozen=True)
class Column:
    """A column of a figure's table: its name in the rows, its title and its format.

    `mart` and `key` are those of the column's mart if they differ from the figure's. A column without a mart (`mart` is
    None) is not a mart's: a name for people, or a mean over days.
    """

    name: str
    title: str
    format: Format = TEXT
    mart: str | None = ""
    key: Sequence[str] = ()

    def text(self, row: Row) -> str:
        """The value as the page shows it."""
        value = row[self.name]
        return MISSING if value is None else self.format.text(value)


def tooltip(row: Row, columns: Sequence[Column]) -> str:
    """A row in one line for people: `model: MiMo-V2.5; share: 11.1%`. Columns without a value are left out."""
    parts = []
    for column in columns:
        if row[column.name] is not None:
            title = column.title.removesuffix(", points")
            unit = "" if column.format.unit.strip() in title else column.format.unit
            parts.append(f"{title}: {column.text(row)}{unit}")
    return "; ".join(parts)
