"""Open a published release for reading: its tables, data package, clock and citations.

Reads `<data>/published` only. How a release is built and published is in `storage` and `publish`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.clock import parse_timestamp
from orchestration.errors import QueryError
from orchestration.folders import data_folder
from orchestration.publish.claim_history import CLAIM_HISTORY
from orchestration.publish.datapackage import PACKAGE, SIMULATED
from orchestration.storage.releases import FILE_NAME, Releases


@dataclass(frozen=True)
class PublishedRelease:
    """A release open for reading: its data folder, its own folder, its data package, a read-only connection."""

    data: Path
    folder: Path
    package: Mapping[str, Any]
    connection: duckdb.DuckDBPyConnection

    @property
    def tables(self) -> dict[str, Mapping[str, Any]]:
        """The data package's resource of each published table, by table name."""
        return {resource["name"]: resource for resource in self.package["resources"] if "schema" in resource}

    @property
    def clock(self) -> dt.datetime:
        """The time to measure ages against, in UTC.

        For live data, now. For sample, replay and simulator, ROUTERSCOPE_NOW, or the clock of the run that published.
        """
        if self.package["made"]["source"] == "live":
            return dt.datetime.now(dt.UTC)
        return parse_timestamp(os.environ.get("ROUTERSCOPE_NOW") or self.package["made"]["clock"])

    @property
    def claim_history(self) -> Path:
        """The folder with every claim version that was published from this data folder.

        Raises QueryError if the folder still has the name that an older version used: every claim would look new.
        """
        if (self.data / "said").exists():
            raise QueryError(
                f"{self.data} was written by an older version of Routerscope, and its claim history has not been moved "
                "yet. Nothing was changed. Run `make run`, which moves it."
            )
        return self.data / CLAIM_HISTORY

    def about(self, tables: Sequence[str]) -> list[str]:
        """Lines to show below figures from these tables: simulated or not, the scope with its caveats, citations."""
        [(statement, caveats)] = self.connection.execute(
            "select statement, caveats from scopes where scope_id = ?", [self.package["scope_id"]]
        ).fetchall()
        simulated = [SIMULATED] if self.package["is_simulated"] else []
        return [*simulated, f"Scope: {statement} {caveats}", *self.citations(tables)]

    def citations(self, tables: Sequence[str]) -> list[str]:
        """The citation of each surface that feeds one of these tables."""
        surfaces = {surface for table in tables if table in self.tables for surface in self.tables[table]["surfaces"]}
        rows = self.connection.execute("select surface, citation from citations order by surface").fetchall()
        return [citation for surface, citation in rows if surface in surfaces]


def units_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """Column → unit, for the columns of a table's resource that have a unit."""
    return {field["name"]: field["unit"] for field in resource["schema"]["fields"] if "unit" in field}


@contextmanager
def open_release(data: Path | None = None) -> Iterator[PublishedRelease]:
    """Open the release that is published in a data folder (by default, the one that `data_folder` finds).

    The link `published` is resolved once, so that the whole command reads one release even if a run publishes another.
    Raises QueryError if no release can be read.
    """
    data = data_folder(data)
    folder = Releases(data).published.resolve()
    try:
        package = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))
        connection = duckdb.connect(str(folder / FILE_NAME), read_only=True)
    except (OSError, ValueError, duckdb.Error) as error:
        raise QueryError(
            f"{data} has no published release that can be read ({error}). Run `make run` first, or select another data "
            "folder with --data."
        ) from error
    with connection:
        yield PublishedRelease(data, folder, package, connection)
