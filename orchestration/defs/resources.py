"""What several definitions share: pool, owners, groups, freshness, errors, the data folder, source and dbt."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType
from packaging.version import Version
from pydantic import PrivateAttr

from orchestration.defs.dbt_cli import DbtCliResource
from orchestration.defs.runs import CODE_LOCATION_TAGS, DATA_TAG, PROCESS_TAG, SOURCE_TAG, process_tag
from orchestration.errors import RejectedError, RouterscopeError, SettingsError, WarehouseError, disk_error
from orchestration.folders import PROJECT_DIR, RUN_LOCK
from orchestration.ingest.sources import Source, open_source
from orchestration.publish.freshness import limits
from orchestration.settings import Settings
from orchestration.storage.lake import LAKE_FOLDER, Lake
from orchestration.storage.last_run import State, record_end, record_start
from orchestration.storage.migrations import migrate
from orchestration.storage.releases import Releases
from orchestration.storage.remote import Remote
from orchestration.storage.warehouse import Warehouse
from orchestration.transform import DBT_PROGRAM, DBT_PYTHON

POOL = "warehouse"
OWNERS = ["team:routerscope"]
_LOG = logging.getLogger(__name__)  # where a resource is opened outside of a run
# How the log line of a run that waits for the data folder begins.
IN_USE = "Another run is using"
# Dagster sorts groups by name, so their names begin with the number of their stage. A slash nests a group.
_STAGES = ("openrouter", "raw", "seeds", "staging", "intermediate", "marts", "published", "own")


def group_name(stage: str, *folders: str) -> str:
    """The Dagster group of the assets of a stage, or of a folder in it."""
    return "/".join([f"{_STAGES.index(stage) + 1}_{stage}", *folders])


def freshness_policy(surface: str = "rankings") -> dg.FreshnessPolicy:
    """The age that a materialization may reach. The checks `fresh_…` measure the age of its data at publish."""
    warn_hours, error_hours = limits(surface, "as_of_hours")
    return dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(hours=error_hours), warn_window=dt.timedelta(hours=warn_hours)
    )


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings' data folder."""
    return Lake(settings.data / LAKE_FOLDER)


@lru_cache(maxsize=1)
def source_of(settings: Settings) -> Source:
    """The source that the settings name, opened once per process: a simulated world takes seconds to generate."""
    return open_source(settings, open_lake(settings))


def reject_build(warehouse: Warehouse, reasons: str) -> RejectedError:
    """Set the build aside; returns the error to raise, which gives the reasons and where the build is kept."""
    try:
        folder = warehouse.reject(reasons)
    except WarehouseError as error:  # the reasons matter more
        return RejectedError(f"{reasons}\n{error}")
    is_published = Releases(warehouse.path.parent).published.exists()
    published = "The published release is unchanged" if is_published else "Nothing was published"
    return RejectedError(f"{reasons}\n{published}; raw data is untouched. The rejected build is kept in {folder}.")


class DataFolder(dg.ConfigurableResource[Any]):
    """A lock on the data folder: one run at a time uses it, however it was started, and others wait.

    Otherwise one run could change the lake while another has built from it and not published yet. With
    ROUTERSCOPE_REMOTE, the run first pulls from object storage what the folder lacks.
    """

    _remote: Remote | None = PrivateAttr(default=None)

    def push_raw(self, surface: str, log: Callable[[str], None]) -> None:
        """Add the raw files of a surface to object storage, if the settings name one."""
        if self._remote:
            self._remote.log = log
            self._remote.push_raw(surface)

    def push_release(self, log: Callable[[str], None]) -> None:
        """Publish the release of the data folder in object storage, if the settings name one."""
        if self._remote:
            self._remote.log = log
            self._remote.push_release()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[DataFolder]:
        try:
            settings = Settings.load()
            folder = settings.data
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / RUN_LOCK).open("w", encoding="utf-8")
        except (SettingsError, OSError):
            yield self  # the first step reports the error
            return
        with lock:
            is_in_use = False
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_in_use = True
            # Not before: in another container, a tagged run counts as killed if nothing holds the lock.
            if context.instance and context.run:
                tags = {DATA_TAG: str(folder), PROCESS_TAG: process_tag(context.run), SOURCE_TAG: settings.source}
                context.instance.add_run_tags(context.run.run_id, {**CODE_LOCATION_TAGS, **context.run.tags, **tags})
            if is_in_use:
                if context.log:
                    context.log.warning(f"{IN_USE} {folder}; this one waits until it has finished.")
                fcntl.flock(lock, fcntl.LOCK_EX)
            with _recorded(folder, context):
                with dagster_failures():
                    log = context.log.info if context.log else _LOG.info
                    for line in migrate(folder):
                        log(line)
                    if settings.remote:
                        self._remote = Remote(settings.remote, folder, log)
                        pull(self._remote, settings)
                        self._remote.push_raw()  # what a killed run left
                yield self


def pull(remote: Remote, settings: Settings) -> None:
    """Add to the data folder what it lacks. New raw files make the approval of the warehouse invalid."""
    if remote.pull(source_of(settings).kind):
        Warehouse(settings.data).withdraw_approval()


def _end_state(instance: dg.DagsterInstance, run_id: str) -> State:
    """How the run that is about to end ends: Dagster reports that only after its resources are closed."""
    run = instance.get_run_by_id(run_id)
    if run and run.status is dg.DagsterRunStatus.CANCELING:
        return "CANCELED"
    return "FAILURE" if instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE) else "SUCCESS"


@contextmanager
def _recorded(folder: Path, context: dg.InitResourceContext) -> Iterator[None]:
    """Records beside the data that the run has started and how it ended; a full disk must not hide its own errors."""
    instance, run = context.instance, context.run
    if not (instance and run):
        yield
        return
    state: State = "FAILURE"
    try:
        with contextlib.suppress(OSError):
            record_start(folder, run.run_id)
        yield
        state = _end_state(instance, run.run_id)
    finally:
        with contextlib.suppress(OSError):
            record_end(folder, run.run_id, state)


@lru_cache
def code_reference(path: str) -> Mapping[str, dg.MetadataValue[Any]]:
    """Metadata that links an asset to its code: the path in the project, and a link that opens it in an editor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=str(PROJECT_DIR / path), label=path)
        link = dg.CodeReferencesMetadataValue(code_references=[reference])
    return {"code": dg.MetadataValue.path(path), "dagster/code_references": link}


@contextmanager
def dagster_failures() -> Iterator[None]:
    """Turns our errors into Dagster failures, without retries, because the same input would fail again.

    So are errors of the disk, wherever they occur: it is full, or the data folder may not be written.
    """
    try:
        yield
    except RouterscopeError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except OSError as error:
        raise dg.Failure(description=disk_error(error), allow_retries=False) from error


class Dbt(DbtCliResource):
    """dbt's command line, without two extra starts of dbt that take seconds each.

    dagster-dbt would start dbt to get its version, and read row counts from the warehouse, which would also keep the
    DuckDB file open in this process. Here, row counts come from publishing and column lineage from the SQL.
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
            "dbt": Dbt(
                project_dir=project,
                profiles_dir=project,
                dbt_executable=DBT_PYTHON,
                global_config_flags=DBT_PROGRAM,
            ),
        }
    )
