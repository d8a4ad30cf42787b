"""What a figure is: its texts, rows, columns, title and drawing; and the columns that many figures share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.publish.report.charts import Draw
from orchestration.publish.report.findings import Finding
from orchestration.publish.report.formats import DATE, PRICE, SHARE, TOKENS, Column


@dataclass(frozen=True)
class Figure:
    """A chart with its table, or a table alone if `draw` is None.

    `topic` names it in the navigation and in files, `measure` defines what it shows. `sql` selects its rows with the
    columns, the key of the mart (null for a row that is no row of the mart), source_url, as_of, oldest_as_of and
    checked_at; it may use the views of `views.sql`. A figure without rows is left out of the report.
    """

    id: str
    topic: str
    measure: str
    mart: str
    key: Sequence[str]
    columns: Sequence[Column]
    sql: str
    finding: Finding
    draw: Draw | None = None

    @property
    def subject(self) -> str:
        """The column that names a row."""
        names = [column.name for column in self.columns]
        return "name" if "name" in names else next(name for name in ("surface", "period_start") if name in names)

    @property
    def marts(self) -> list[str]:
        """The marts whose figures it shows."""
        return list(dict.fromkeys([self.mart, *(column.mart for column in self.columns if column.mart)]))


@dataclass(frozen=True)
class Section:
    """A section of the report."""

    id: str
    title: str
    figures: Sequence[Figure]


WEEK = Column("period_start", "week of", DATE)
DAY = Column("period_start", "day", DATE)
SHARE_OF_TOKENS = Column("share", "share", SHARE)
SHARE_AT_MOST = Column("share_high", "share at most", SHARE)
TOKENS_OF_ROW = Column("tokens", "tokens", TOKENS)
MODEL_KEY = ("period", "period_start", "model_permaslug")
INPUT_PRICE_COLUMN = Column("prompt_usd_per_mtok", "input price", PRICE, "spend_model", MODEL_KEY)
OUTPUT_PRICE_COLUMN = Column("completion_usd_per_mtok", "output price", PRICE, "spend_model", MODEL_KEY)


def name_column(title: str) -> Column:
    return Column("name", title, mart=None)
