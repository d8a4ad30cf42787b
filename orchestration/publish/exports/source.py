"""What an export is made from: the published tables, and the lines that say where its prices come from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.publish.datapackage import SIMULATED
from orchestration.storage.sql import rows_as_dicts


@dataclass(frozen=True)
class ExportSource:
    """A connection to the published tables; `source_url`, `as_of` and `citation` of the newest list of models.

    `as_of` is None, and the texts are empty, if the release has no prices.
    """

    connection: duckdb.DuckDBPyConnection
    source_url: str
    as_of: dt.datetime | None
    citation: str
    is_simulated: bool

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> ExportSource:
        """The source for the tables of a release."""
        [newest] = rows_as_dicts(
            connection.execute(
                "select max(as_of) as as_of, max(source_url) as source_url, max(scope_id) as scope_id "
                "from price_current"
            )
        )
        cited = connection.execute("select citation from citations where surface = 'models'").fetchall()
        return cls(
            connection,
            newest["source_url"] or "",
            newest["as_of"],
            cited[0][0] if cited else "",
            newest["scope_id"] == "simulated",
        )

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query: column → value. The fields of `prices` are exact decimals, in USD per token."""
        return rows_as_dicts(self.connection.execute(sql))

    @property
    def notice(self) -> str:
        """One line to put into each file: whether its figures are simulated, its source and its time."""
        return f"{SIMULATED} {self.citation}" if self.is_simulated else self.citation
