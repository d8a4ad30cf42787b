"""What a reader takes away from a figure: a CSV file, a picture that stands alone, and a citation.

Each says what it shows, for which time, in which unit, from which source and as of when.
"""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from orchestration.publish.report.formats import Column
from orchestration.untrusted import csv_text, plain_text

Row = Mapping[str, Any]

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
_MARGIN_PIXELS = 20
_CHARACTERS = 112
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")


@dataclass(frozen=True)
class Label:
    """The texts of a figure that leaves the page: title (a finding), measure, period, source with its `as_of`, mark."""

    title: str
    measure: str
    period: str
    source: str
    mark: str = ""

    @property
    def citation(self) -> str:
        """The figure in one line, to paste beside it."""
        return f"{self.mark}{self.title} ({self.period}). {self.source} Compiled by Routerscope."


def as_csv(rows: Sequence[Row], columns: Sequence[Column], key: Sequence[str], label: Label) -> str:
    """Raw values under the names of the marts, then the provenance of each row and what the file shows.

    Columns: the key, the figure's columns, source_url, as_of, checked_at, figure, units, source. Numbers are not
    rounded, timestamps are UTC; a text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    names = list(dict.fromkeys([*key, *(column.name for column in columns)]))
    units = "; ".join(f"{column.name}: {column.format.csv_unit}" for column in columns if column.format.csv_unit)
    figure = f"{label.mark}{label.title} ({label.period})"
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*names, "source_url", "as_of", "checked_at", "figure", "units", "source"])
    for row in rows:
        own = [_safe(row[name]) for name in (*names, "source_url", "as_of", "checked_at")]
        writer.writerow([*own, csv_text(figure), units, label.source])
    return text.getvalue()


def _safe(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return f"{value}Z" if _TIMESTAMP.fullmatch(value) else csv_text(value)


def size_of(svg: str) -> tuple[float, float]:
    """Width and height of an SVG in pixels."""
    head = svg.split(">", 1)[0]
    width, height = (re.search(rf' {name}="([\d.]+)"', head) for name in ("width", "height"))
    if not (width and height):
        raise ValueError("the renderer returned no SVG with a size")
    return float(width[1]), float(height[1])


def standalone(svg: str, label: Label) -> str:
    """The chart on white, below its title and measure and above its source."""
    width, height = size_of(svg)
    head = [
        *((line, 18, "bold", "#1c1c1c") for line in textwrap.wrap(f"{label.mark}{label.title}", 84)),
        *((line, 12, "normal", "#444444") for line in textwrap.wrap(f"{label.period}. {label.measure}", _CHARACTERS)),
    ]
    foot = [(line, 11, "normal", "#5b5b5b") for line in textwrap.wrap(label.source, _CHARACTERS + 10)]
    parts, y = [], _MARGIN_PIXELS
    for line, size, weight, colour in head:
        y += size + 5
        parts.append(_text(line, y, size, weight, colour))
    y += 12
    parts.append(svg.replace("<svg ", f'<svg x="{_MARGIN_PIXELS}" y="{y}" ', 1))
    y += int(height) + 6
    for line, size, weight, colour in foot:
        y += size + 5
        parts.append(_text(line, y, size, weight, colour))
    whole_width, whole_height = width + 2 * _MARGIN_PIXELS, y + _MARGIN_PIXELS
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{whole_width:g}" '
        f'height="{whole_height:g}" viewBox="0 0 {whole_width:g} {whole_height:g}" font-family="{escape(FONT)}">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def _text(line: str, y: int, size: int, weight: str, colour: str) -> str:
    return (
        f'<text x="{_MARGIN_PIXELS}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">'
        f"{escape(plain_text(line))}</text>"
    )
