"""Writes the report of a release: the page from its template, an image of each chart, and the brief."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import altair as alt
import duckdb
import jinja2
from markupsafe import Markup

from orchestration.errors import ReportError
from orchestration.folders import PROJECT_DIR
from orchestration.formatting import SIMULATED_PREFIX, date_in_words, timestamp_in_words
from orchestration.publish.citations import citation_as_of
from orchestration.publish.datapackage import SIMULATED
from orchestration.publish.report.brief import as_markdown, period_of, sentences
from orchestration.publish.report.charts import Row
from orchestration.publish.report.figures import FIGURES, SECTIONS, Column, Figure
from orchestration.publish.report.renderer import render, xml_text
from orchestration.storage.files import replace_when_complete
from orchestration.storage.releases import FILE_NAME, Table
from orchestration.storage.sql import rows_as_dicts

FOLDER = "report"
BRIEF = "brief-*.md"
PAGE = "index.html"
_HERE = Path(__file__).parent
_PICTURE_WIDTH = 760
_MAX_LINE_CHARACTERS = 130
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
_CONFIG = {
    "font": _FONT,
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "grid": True, "labelPadding": 4},
    "legend": {"labelFontSize": 12, "columns": 3},
    "aria": False,  # the chart has one accessible name; its table has the figures
}


@dataclass(frozen=True)
class Cell:
    """A formatted table cell."""

    text: str
    is_number: bool
    is_row_name: bool = False


@dataclass(frozen=True)
class FigureView:
    """A figure with its rows, citations and chart, as the page shows it."""

    figure: Figure
    rows: Sequence[Row]
    cited: Sequence[str]
    spec: Mapping[str, Any] | None

    @property
    def lines(self) -> list[tuple[str, list[Cell]]]:
        """The rows of its table, each with its key in the mart, so that a test can compare page and mart."""
        return [
            (
                json.dumps({name: row[name] for name in self.figure.key}),
                [
                    replace(cell(row[column.name], column), is_row_name=column.name == self.figure.subject)
                    for column in self.figure.columns
                ],
            )
            for row in self.rows
        ]

    @property
    def timestamps(self) -> str:
        """When the source made the figures, and when they were last fetched."""
        as_of = _newest_and_oldest(
            max(one["as_of"] for one in self.rows), min(one["oldest_as_of"] for one in self.rows)
        )
        checked = [one["checked_at"] for one in self.rows]
        return f"As of {as_of}; checked {_newest_and_oldest(max(checked), min(checked))}."


def write_report(folder: Path, tables: Sequence[Table], made: Mapping[str, str]) -> list[str]:
    """Write the report beside the tables of a release; `made` has the source and its clock.

    Returns a warning for each image that could not be drawn. Raises ReportError if the report cannot be made or
    written.
    """
    try:
        (folder / FOLDER).mkdir()
        with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
            return _write(folder / FOLDER, connection, {table.name: table for table in tables}, made)
    except Exception as error:  # an error in a drawing library must not block the release
        reason = f"{type(error).__name__}: {error}"
        raise ReportError(
            f"The report could not be made: {reason}. The tables are published without it. Please report this error; "
            "the next run tries again."
        ) from error


def _write(
    folder: Path, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table], made: Mapping[str, str]
) -> list[str]:
    connection.execute(
        "create temp view newest as select period, period_start from traffic_summary where period in ('week', 'day') "
        "order by period = 'week' desc, period_start desc limit 1"
    )
    scope = rows_of(connection, "from scopes where scope_id = (select any_value(scope_id) from traffic_summary)")[0]
    lines = {row["surface"]: row for row in rows_of(connection, "from citations order by surface")}
    views = {figure.id: _view(figure, connection, tables, lines) for figure in FIGURES}
    mark = SIMULATED if scope["scope_id"] == "simulated" else ""
    drawn = [one for one in views.values() if one.spec]
    lost = render({_png(folder, one.figure): {"spec": _picture(one, scope, mark)} for one in drawn})
    brief = [replace(one, text=xml_text(one.text)) for one in sentences(connection)]
    period = period_of(connection)
    (folder / f"brief-{period.name}.md").write_text(as_markdown(period, brief, scope, mark), encoding="utf-8")
    page = (
        _environment()
        .get_template("page.html.j2")
        .render(
            mark=mark,
            scope=scope,
            sections=SECTIONS,
            views=views,
            sentences=brief,
            period=period,
            tables=tables,
            citations=list(lines.values()),
            newest=rows_of(
                connection,
                "select max(period_start) as day, max(as_of) as as_of, max(checked_at) as checked_at "
                "from traffic_summary where period = 'day'",
            )[0],
            made=made,
            format_timestamp=format_timestamp,
            timestamp_in_words=timestamp_in_words,
            format_date=lambda day: date_in_words(dt.date.fromisoformat(day)),
            pictures={one.figure.id for one in drawn if _png(folder, one.figure) not in lost},
            specs={one.figure.id: one.spec for one in views.values() if one.spec},
            style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # our own
            script=Markup(_script()),  # noqa: S704  # our own, and that of a pinned library
        )
    )
    (folder / PAGE).write_text(page, encoding="utf-8")
    return [
        f"{FOLDER}/{path.name} could not be drawn: {reason}. The tables and the rest of the report are published; the "
        f"page shows the chart's table. Please report this error; the next run tries again."
        for path, reason in lost.items()
    ]


def _png(folder: Path, figure: Figure) -> Path:
    return folder / f"{figure.id}.png"


def _view(
    figure: Figure,
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Table],
    lines: Mapping[str, Row],
) -> FigureView:
    rows = rows_of(connection, figure.sql)
    surfaces = {surface for mart in figure.marts for surface in tables[mart].surfaces}
    cited = [line["citation"] for surface, line in lines.items() if surface in surfaces]
    if rows:
        newest = dt.datetime.fromisoformat(max(row["as_of"] for row in rows))
        # Rows do not name the surface of their timestamp; with several surfaces, each citation keeps its own.
        dated = {citation_as_of(line, newest) for line in cited}
        cited = list(dated) if len(dated) == 1 else cited
    return FigureView(figure, rows, cited, _spec(figure, rows) if rows else None)


def _spec(figure: Figure, rows: Sequence[Row]) -> dict[str, Any] | None:
    """The chart as Vega-Lite, as wide as its container on the page; None if the rows have nothing to draw."""
    # The chart gets only the columns of its table, so that every point can be looked up.
    names = [column.name for column in figure.columns]
    values = [{name: row[name] for name in names} for row in rows]
    tooltip = [_tooltip(column) for column in figure.columns]
    drawing = figure.draw(values, tooltip)
    if drawing is None:
        return None
    return {**drawing.properties(width="container", description=figure.title).to_dict(), "config": _CONFIG}


def _tooltip(column: Column) -> alt.Tooltip:
    if column.scale is None:
        return alt.Tooltip(f"{column.name}:N", title=column.title)
    title, _, unit = column.title.rpartition(", ")
    if column.scale == 100 and unit == "%":
        return alt.Tooltip(f"{column.name}:Q", title=title, format=f".{column.digits}%")
    if column.scale < 1:  # the chart's axis is in tokens or USD, not in billions or millions
        plain = title.removesuffix(", million").removesuffix(", billion")
        return alt.Tooltip(f"{column.name}:Q", title=plain or column.title, format=",.4~g")
    return alt.Tooltip(f"{column.name}:Q", title=column.title, format=f",.{column.digits}f")


def _picture(view: FigureView, scope: Row, mark: str) -> dict[str, Any]:
    """The chart as Vega-Lite on white, with its scope and its citations below the title."""
    under = _wrapped([*([mark] if mark else []), scope["statement"], *view.cited, view.timestamps])
    title = {
        "text": f"{SIMULATED_PREFIX}{view.figure.title}" if mark else view.figure.title,
        "color": "#B00020" if mark else "black",
        "subtitle": under,
        "anchor": "start",
        "fontSize": 16,
        "subtitleFontSize": 11,
        "subtitleColor": "#555555",
        "offset": 14,
    }
    return {
        **(view.spec or {}),
        "width": _PICTURE_WIDTH,
        "title": title,
        "config": {**_CONFIG, "background": "white"},
        "autosize": "pad",
        "padding": 16,
    }


def _wrapped(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, _MAX_LINE_CHARACTERS)]


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Rows as dictionaries, dates and timestamps as ISO 8601 text.

    Third-party text is cleaned here, before it reaches a chart or the page. A number that JSON cannot hold is None.
    """
    rows = rows_as_dicts(connection.sql(sql))
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return xml_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, dt.date) else value


def format_timestamp(timestamp: str) -> str:
    """An ISO timestamp for people: 7 August 2026, 00:05 UTC."""
    return timestamp_in_words(dt.datetime.fromisoformat(timestamp))


def _newest_and_oldest(newest: str, oldest: str) -> str:
    newest, oldest = format_timestamp(newest), format_timestamp(oldest)
    return newest + (f" (oldest {oldest})" if oldest != newest else "")


def cell(value: Any, column: Column) -> Cell:
    """A value, formatted for a table."""
    if value is None:
        return Cell("–", column.scale is not None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", False)
    if column.scale is not None:
        return Cell(f"{value * column.scale:,.{column.digits}f}", True)
    text = str(value)
    return Cell(text[:16].replace("T", " ") if "(UTC)" in column.title else text, False)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _script() -> str:
    """Vega and this page's own script as one script; cached, because bundling takes two seconds."""
    drawing = (_HERE / "page.js").read_text(encoding="utf-8")
    name = hashlib.sha256(f"{version('vl-convert-python')} {drawing}".encode()).hexdigest()
    kept = PROJECT_DIR / "target" / f"report-{name[:16]}.js"
    if not kept.exists():
        with replace_when_complete(kept) as building:
            if reason := render({building: {"script": drawing}}).get(building):
                raise ReportError(f"the script of the page could not be bundled: {reason}")
    return kept.read_text(encoding="utf-8")
