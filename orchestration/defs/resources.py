"""What several assets share: the pool, the owner, how old they may be, the source that the settings name, and dbt."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration.errors import RouterscopeError
from orchestration.freshness import limits
from orchestration.lake import Lake
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.sources import Source, open_source

POOL = "warehouse"
DBT = Path(sys.executable).with_name("dbt")
OWNERS = ["team:routerscope"]


def freshness_policy(surface: str = "rankings") -> dg.FreshnessPolicy:
    """How long ago it may have been made. How old the data in it may be is checked on the data, at publish."""
    warn_hours, error_hours = limits(surface, "as_of_hours")
    return dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(hours=error_hours), warn_window=dt.timedelta(hours=warn_hours)
    )


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings' data folder."""
    return Lake(settings.data / "raw")


@lru_cache(maxsize=1)
def source_of(settings: Settings) -> Source:
    """The source that the settings name, opened once a process: a simulated world takes a while to make."""
    return open_source(settings, open_lake(settings))


@contextmanager
def failures() -> Iterator[None]:
    """An error as Dagster shows it: its sentence, and no retry, since the same input would fail again."""
    try:
        yield
    except RouterscopeError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


class Dbt(DbtCliResource):
    """dbt's command line, started once: not to ask its version, and not to read metadata back from the warehouse.

    Each of these starts dbt again for some seconds, and the second would hold the DuckDB file open in this process.
    Row counts are taken at publish and column lineage from the SQL.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:  # noqa: ARG002
        return None


@dg.definitions
def resources() -> dg.Definitions:
    project = str(PROJECT_DIR)
    return dg.Definitions(resources={"dbt": Dbt(project_dir=project, profiles_dir=project, dbt_executable=str(DBT))})
