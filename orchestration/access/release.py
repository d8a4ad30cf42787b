"""Open a published release for reading: its tables, data package, clock and citations.

Reads `<data>/published` only. How a release is built and published is in `storage` and `publish`.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.clock import parse_timestamp
from orchestration.errors import QueryError, SettingsError
from orchestration.folders import CLAIM_HISTORY, data_folder
from orchestration.publish.datapackage import PACKAGE, SIMULATED
from orchestration.storage.files import check_encoding, read_json
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
        scopes = self.connection.execute(
            "select statement, caveats from scopes where scope_id = ?", [self.package["scope_id"]]
        ).fetchall()
        if not scopes:
            raise QueryError(
                f"{self.folder} has no scope {self.package['scope_id']}, so its figures cannot be cited. Nothing was "
                "changed. Publish a new release: make run ARGS=--rebuild"
            )
        [(statement, caveats)] = scopes
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
    Raises QueryError if no release can be read, or if it turns out to be damaged while it is read, and SettingsError
    for a path that DuckDB cannot open.
    """
    data = data_folder(data)
    check_encoding(data)
    releases = Releases(data)
    folder = releases.current
    try:
        package = read_package(folder / PACKAGE)
        connection = duckdb.connect(str(folder / FILE_NAME), read_only=True)
    except (OSError, ValueError, duckdb.Error) as error:
        # A release that is there, but damaged, is replaced only by a new build.
        advice = (
            "Publish a new one: make run ARGS=--rebuild"
            if os.path.lexists(releases.published)
            else "Run `make run` first"
        )
        raise QueryError(
            f"{data} has no published release that can be read ({error}). {advice}, or select another data folder with "
            "--data."
        ) from error
    with connection:
        try:
            yield PublishedRelease(data, folder, package, connection)
        except duckdb.Error as error:
            raise QueryError(
                f"{folder / FILE_NAME}, the published release, cannot be read ({error}). Nothing was changed. Publish "
                "a new one: make run ARGS=--rebuild"
            ) from error


def read_package(path: Path) -> Mapping[str, Any]:
    """The data package of a release. Raises OSError, and ValueError for a file that is no package of a release."""
    package = read_json(path)
    try:
        parse_timestamp(package["created"])
        parse_timestamp(package["made"]["clock"])
        resources = [resource for resource in package["resources"] if "schema" in resource]
        texts = [package["generation"], package["scope_id"], package["made"]["source"]]
        for one in resources:
            texts += [one["name"], one["description"], *one["surfaces"], *one["schema"]["primaryKey"]]
            texts += [text for field in one["schema"]["fields"] for text in (field["name"], field.get("unit", ""))]
        is_valid = all(isinstance(text, str) for text in texts) and isinstance(package["is_simulated"], bool)
        is_valid = is_valid and all(isinstance(one["rows"], int) for one in resources)
    except (LookupError, TypeError, AttributeError, SettingsError):
        is_valid = False
    if not is_valid:
        raise ValueError(f"{path} does not describe a release")
    return dict(package)
