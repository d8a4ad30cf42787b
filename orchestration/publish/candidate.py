"""A release before it is published, and the texts in it that readers will see."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish.datapackage import CITATION, PACKAGE, attachments
from orchestration.storage.lake import Lake
from orchestration.storage.releases import Table
from orchestration.storage.sql import quoted

_CHART_SPEC = re.compile(r'<script type="application/json"[^>]*>(.*?)</script>', re.DOTALL)
_SCRIPT_OR_STYLE = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class ReleaseCandidate:
    """A release that the audit examines: its folder and tables, and what they were built from.

    `kind` is the kind of data in the lake (real or simulated), `warehouse` the path of the DuckDB file that dbt built,
    `sql` the compiled SQL of each mart by name.
    """

    folder: Path
    tables: Sequence[Table]
    kind: str
    warehouse: Path
    lake: Lake
    sql: Mapping[str, str] = field(default_factory=dict)

    def third_party_names(self, connection: duckdb.DuckDBPyConnection) -> set[str]:
        """Names that third parties chose, such as names of apps, from the columns marked `third_party_text`."""
        return {
            name
            for table in self.tables
            for column in table.third_party_text
            for (name,) in connection.table(quoted(table.name)).project(quoted(column)).distinct().fetchall()
            if name
        }

    def texts(self, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Sequence[str]]]:
        """Every text that a reader may see, by its place (a file or table.column), without third-party texts.

        Of the texts in a column that differ in numbers alone, there is one: no overclaim depends on a number.
        """
        for name in (PACKAGE, CITATION):
            if (path := self.folder / name).exists():
                yield name, [path.read_text(encoding="utf-8")]
        for name in attachments(self.folder):
            if (suffix := Path(name).suffix) in (".html", ".md"):
                text = (self.folder / name).read_text(encoding="utf-8")
                yield name, [page_text(text) if suffix == ".html" else text]
        for table in self.tables:
            yield table.name, [table.description, *table.columns.values()]
            relation = connection.table(quoted(table.name))
            for column, kind in zip(relation.columns, map(str, relation.types), strict=True):
                if kind == "VARCHAR" and column not in table.third_party_text:
                    # A single word, such as a code, is not a statement.
                    statements = relation.filter(f"contains({quoted(column)}, ' ')")
                    texts = statements.aggregate(
                        f"min({quoted(column)})", f"regexp_replace({quoted(column)}, '[0-9]+', '0', 'g')"
                    )
                    yield f"{table.name}.{column}", [text for (text,) in texts.fetchall()]


def page_text(page: str) -> str:
    """The text of an HTML page and the titles in its charts, each element in a paragraph of its own."""
    text = html.unescape(_TAG.sub("\n\n", _SCRIPT_OR_STYLE.sub("", page)))
    return "\n\n".join([text, *(title for spec in _CHART_SPEC.findall(page) for title in _titles(json.loads(spec)))])


def _titles(spec: Any) -> Iterator[str]:
    """The titles of axes, legends and tooltips at any depth of a chart's specification."""
    for name, part in spec.items() if isinstance(spec, dict) else enumerate(spec):
        if name == "title" and isinstance(part, str):
            yield part
        elif name != "values" and isinstance(part, dict | list):
            yield from _titles(part)
