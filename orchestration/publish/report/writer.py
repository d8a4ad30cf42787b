"""Writes the report of a release: the page from its template, the downloads of each figure, and the brief."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from markupsafe import Markup

from orchestration.errors import ReportError
from orchestration.formatting import SIMULATED_PREFIX, date_in_words, timestamp_in_words
from orchestration.publish.citations import citation_as_of, citations_by_url
from orchestration.publish.datapackage import SIMULATED
from orchestration.publish.report.brief import (
    Finding,
    Period,
    as_markdown,
    caveat_of,
    findings_of,
    period_of,
    sources_of,
)
from orchestration.publish.report.charts import Drawing, Size
from orchestration.publish.report.downloads import FONT, Label, as_csv, size_of, standalone
from orchestration.publish.report.figures import FIGURES, SECTIONS, Figure
from orchestration.publish.report.formats import Column, tooltip
from orchestration.publish.report.headline import headline, sparkline
from orchestration.publish.report.renderer import render
from orchestration.storage.releases import FILE_NAME, Table
from orchestration.storage.sql import rows_as_dicts
from orchestration.untrusted import plain_text

FOLDER = "report"
BRIEF = "brief-*.md"
PAGE = "index.html"
WIDE, NARROW = Size(900), Size(350, is_narrow=True)
_HERE = Path(__file__).parent
_SIZE_AND_NAMES = re.compile(r' (?:width|height|xmlns|xmlns:xlink)="[^"]*"')
_CONFIG = {
    "font": FONT,
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 4,
        "gridColor": "#e3e5e8",
        "domainColor": "#9aa0a6",
        "tickColor": "#9aa0a6",
        "labelColor": "#333333",
        "titleColor": "#333333",
    },
    "legend": {"labelFontSize": 12, "columns": 3, "labelColor": "#333333"},
    "text": {"color": "#1c1c1c"},
}
Row = dict[str, Any]


@dataclass
class FigureView:
    """A figure as the page shows it: its rows, texts and charts (by size, as SVG)."""

    figure: Figure
    rows: Sequence[Row]
    label: Label
    charts: dict[str, Markup] = field(default_factory=dict)
    downloads: list[tuple[str, str]] = field(default_factory=list)  # kind, file

    @property
    def columns(self) -> list[Column]:
        """The columns of its table that have a value in any row."""
        return [column for column in self.figure.columns if any(row[column.name] is not None for row in self.rows)]

    def key_of(self, row: Row) -> str:
        """The keys of all marts that the row shows, as JSON; empty for a row that is no row of a mart."""
        if any(row.get(name) is None for name in self.figure.key):
            return ""
        names = dict.fromkeys([*self.figure.key, *(name for column in self.figure.columns for name in column.key)])
        return json.dumps({name: row[name] for name in names})


def write_report(folder: Path, tables: Sequence[Table], made: Mapping[str, str]) -> list[str]:
    """Write the report beside the tables of a release; `made` has the source and its clock.

    Returns a warning for each chart that could not be drawn. Raises ReportError if the report cannot be made or
    written.
    """
    try:
        (folder / FOLDER).mkdir()
        with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
            connection.execute((_HERE / "views.sql").read_text(encoding="utf-8"))
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
    period = period_of(connection)
    scope = rows_of(connection, "from scopes where scope_id = (select any_value(scope_id) from traffic_summary)")[0]
    mark = SIMULATED if scope["scope_id"] == "simulated" else ""
    lines = citations_by_url(connection.table("citations"))
    views = [
        _view(figure, rows, lines, period, mark)
        for figure in FIGURES
        if _says_something(rows := rows_of(connection, figure.sql))
    ]
    warnings = _draw(folder, views)
    for view in views:
        text = as_csv(view.rows, view.figure.columns, view.figure.key, view.label)
        (folder / f"{view.figure.id}.csv").write_text(text, encoding="utf-8")
        view.downloads.insert(0, ("CSV", f"{view.figure.id}.csv"))
    brief = [Finding(plain_text(one.text), one.mart, one.key, one.row) for one in findings_of(connection)]
    sources = sources_of(connection, brief)
    (folder / f"brief-{period.name}.md").write_text(
        as_markdown(period, brief, caveat_of(scope), sources, mark), encoding="utf-8"
    )
    shown = {view.figure.id: view for view in views}
    page = (
        _environment()
        .get_template("page.html.j2")
        .render(
            mark=mark,
            prefix=SIMULATED_PREFIX if mark else "",
            scope=scope,
            sections=[(section, there) for section in SECTIONS if (there := _shown(section.figures, shown))],
            left_out=[figure.topic for figure in FIGURES if figure.id not in shown],
            headline=headline(connection),
            brief=brief,
            period=period,
            tables=tables,
            citations=rows_of(connection, "from citations order by surface"),
            newest=rows_of(
                connection,
                "select max(period_start) as day, max(as_of) as as_of, max(checked_at) as checked_at "
                "from traffic_summary where period = 'day'",
            )[0],
            made=made,
            format_timestamp=lambda text: timestamp_in_words(dt.datetime.fromisoformat(text)),
            format_date=lambda day: date_in_words(dt.date.fromisoformat(day)),
            date_in_words=date_in_words,
            sparkline=sparkline,
            cell=_cell,
            style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # our own
            script=Markup((_HERE / "page.js").read_text(encoding="utf-8")),  # noqa: S704  # our own
        )
    )
    (folder / PAGE).write_text(plain_text(page), encoding="utf-8")
    return warnings


def _shown(figures: Sequence[Figure], views: Mapping[str, FigureView]) -> list[FigureView]:
    return [views[figure.id] for figure in figures if figure.id in views]


def _says_something(rows: Sequence[Row]) -> bool:
    """Whether there are rows and, in a split, one with a known class."""
    return bool(rows) and any(row.get("is_named", True) for row in rows)


def _view(
    figure: Figure,
    rows: Sequence[Row],
    lines: Mapping[str, str],
    period: Period,
    mark: str,
) -> FigureView:
    for row in rows:
        row["tip"] = tooltip(row, figure.columns)
    label = Label(
        figure.finding(rows),
        figure.measure.replace("{period}", period.words),
        _dates(rows, period),
        _source(rows, lines),
        SIMULATED_PREFIX if mark else "",
    )
    return FigureView(figure, rows, label)


def _dates(rows: Sequence[Row], period: Period) -> str:
    """The time that the rows cover, in words."""
    name = next((name for name in ("period_start", "window_end", "date", "valid_from") if name in rows[0]), "")
    days = sorted({str(row[name])[:10] for row in rows if row.get(name)}) if name else []
    if not days:
        return period.words
    first, last = (date_in_words(dt.date.fromisoformat(day)) for day in (days[0], days[-1]))
    if name == "window_end":
        return f"28 days to {last}"
    weekly = "week of " if rows[0].get("period") == "week" else ""
    return f"{weekly}{last}" if first == last else f"{weekly}{first} to {weekly}{last}"


def _source(rows: Sequence[Row], lines: Mapping[str, str]) -> str:
    """The citation lines of the pages that the rows cite, each with the newest timestamp of its figures."""
    newest: dict[str, str] = {}
    for row in rows:
        for url, as_of in (
            (row["source_url"], row.get("source_as_of") or row["as_of"]),
            (row.get("price_source_url"), row.get("price_as_of")),
        ):
            if url and as_of:
                newest[url] = max(newest.get(url, as_of), as_of)
    return " ".join(citation_as_of(lines[url], dt.datetime.fromisoformat(newest[url])) for url in sorted(newest))


def _draw(folder: Path, views: Sequence[FigureView]) -> list[str]:
    """Draw the charts of the page and their pictures; returns a warning for each chart that is lost."""
    warnings = []
    with tempfile.TemporaryDirectory() as scratch:
        lost = render(
            (Path(scratch) / f"{view.figure.id}-{name}.svg", {"spec": _spec(view.figure.draw(view.rows, size))})
            for view in views
            if view.figure.draw
            for name, size in (("wide", WIDE), ("narrow", NARROW))
        )
        pictures = {}
        for view in views:
            if not view.figure.draw:
                continue
            identifier = view.figure.id
            paths = {name: Path(scratch) / f"{identifier}-{name}.svg" for name in ("wide", "narrow")}
            if failed := [lost[path] for path in paths.values() if path in lost]:
                warnings.append(_warning(identifier, failed[0]))
                continue
            svgs = {
                name: _whole(path.read_text(encoding="utf-8"), WIDE if name == "wide" else NARROW)
                for name, path in paths.items()
            }
            view.charts = {name: Markup(_for_page(svg)) for name, svg in svgs.items()}  # noqa: S704  # the renderer escapes
            alone = standalone(svgs["wide"], view.label)
            (folder / f"{identifier}.svg").write_text(alone, encoding="utf-8")
            pictures[folder / f"{identifier}.png"] = {"svg": alone}
        lost = render(pictures.items())
    warnings += [_warning(path.stem, reason) for path, reason in lost.items()]
    for view in views:
        for kind in ("png", "svg"):
            if (folder / f"{view.figure.id}.{kind}").exists():
                view.downloads.append((kind.upper(), f"{view.figure.id}.{kind}"))
    return warnings


def _warning(identifier: str, reason: str) -> str:
    return (
        f"{FOLDER}: the chart {identifier} could not be drawn: {reason}. The tables and the rest of the report are "
        f"published; the page shows the figure's table. Please report this error; the next run tries again."
    )


def _whole(svg: str, size: Size) -> str:
    """The SVG with the whole width, also what the renderer found empty: the reader's font may be wider than its own."""
    width, height = size_of(svg)
    width = max(width, size.width_pixels)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (?:width|height|viewBox)="[^"]*"', "", head)
    return f'{head} width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">{rest}'


def _for_page(svg: str) -> str:
    """An SVG that takes the width of its place."""
    head, rest = svg.split(">", 1)
    return _SIZE_AND_NAMES.sub("", head) + ">" + rest


def _spec(drawing: Drawing) -> dict[str, Any]:
    return {**drawing.to_dict(), "config": _CONFIG, "padding": 2}


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """Rows as dictionaries, dates and timestamps as ISO 8601 text.

    Third-party text is cleaned here, before it reaches a chart or the page. A number that JSON cannot hold is None.
    """
    rows = rows_as_dicts(connection.sql(sql))
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, dt.date) else value


def _cell(view: FigureView, row: Row, name: str) -> Markup:
    """A value of a row, marked with its column and mart."""
    [column] = [column for column in view.figure.columns if column.name == name]
    mart = column.mart or view.figure.mart
    return Markup('<span data-column="{}" data-mart="{}">{}</span>').format(name, mart, column.text(row))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = lambda key: json.dumps(key, default=str)
    return environment
