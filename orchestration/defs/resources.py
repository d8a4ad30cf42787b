"""What several assets share: the pool, the owner, how old they may be, the source that the settings name, and dbt."""

from __future__ import annotations

import datetime as dt
import fcntl
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEvent
from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration.defs.housekeeping import PROCESS_TAG, process_of
from orchestration.errors import RouterscopeError, SettingsError
from orchestration.ingest.sources import Source, open_source
from orchestration.publish.freshness import limits
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.storage.lake import Lake

POOL = "warehouse"
DBT = Path(sys.executable).with_name("dbt")
OWNERS = ["team:routerscope"]
# One history holds the runs of all data folders: of a run, the one in which it is at work.
DATA_TAG = "routerscope/data"


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


def reason_of(event: DagsterEvent) -> str:
    """Why a step failed, in the words it was raised with, or else in those of what was not foreseen."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    return f"Not foreseen, in {event.step_key}: {error.message.strip() if error else 'no reason given'}"


class DataFolder(dg.ConfigurableResource[Any]):
    """The data folder, in which one run at a time is at work, whoever started it: others wait until it has ended.

    What one run takes in would change what another has built and not yet published.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[DataFolder]:
        try:
            folder = Settings.load().data
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / "run.lock").open("w")
        except (SettingsError, OSError):
            yield self  # what is wrong is said by the first step
            return
        with lock:
            if context.instance and context.run:
                tags = {DATA_TAG: str(folder), PROCESS_TAG: process_of(context.run)}
                context.instance.add_run_tags(context.run.run_id, tags)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if context.log:
                    context.log.warning(f"Another run is at work in {folder}; this one waits until it has ended.")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield self


@lru_cache
def code(path: str) -> Mapping[str, dg.MetadataValue[Any]]:
    """Where a reader finds what makes an asset: the path in the project, and the link that opens it in an editor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=str(PROJECT_DIR / path), label=path)
        link = dg.CodeReferencesMetadataValue(code_references=[reference])
    return {"source": dg.MetadataValue.path(path), "dagster/code_references": link}


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
    return dg.Definitions(
        resources={
            "folder": DataFolder(),
            "dbt": Dbt(project_dir=project, profiles_dir=project, dbt_executable=str(DBT)),
        }
    )
