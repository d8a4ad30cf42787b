"""Dagster's event log in SQLite, with connections that stay open and do not wait for the disk.

Dagster's own class creates an engine, and with it a connection and an empty cache of compiled statements, for each of
the thousands of statements of a run. The files are the same, so other processes can use Dagster's own class.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.instance import InstanceRef
from dagster._core.instance.config import dagster_instance_config
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.exc import SQLAlchemyError

from orchestration.errors import SettingsError
from orchestration.openrouter.json_fields import one_line

# The keys of `dagster.yaml` that configure where Dagster keeps its history.
_STORAGES = {"storage", "run_storage", "event_log_storage", "schedule_storage"}
# A file is kept open for the index and for the runs that were used last.
_MAX_OPEN_FILES = 4
_MAX_REASON_LENGTH = 300


def open_instance(home: Path) -> dg.DagsterInstance:
    """The Dagster instance of a home, with this event log unless its `dagster.yaml` configures another storage.

    Raises SettingsError if the home cannot be used, and errors of the disk and of a database as they are.
    """
    try:
        return _open_instance(home)
    except (OSError, sqlite3.Error, SQLAlchemyError):
        raise
    except Exception as error:  # any, because Dagster imports modules that `dagster.yaml` names
        if database_error(error):
            raise
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, dg.DagsterInvalidConfigError):  # its own text begins with the schema
            reason = " ".join(one.message for one in error.errors)
        raise SettingsError(
            f"Dagster cannot use {home} ({one_line(reason, _MAX_REASON_LENGTH)}). Nothing was run. Correct or delete "
            f"{home / 'dagster.yaml'}, set the variables that it names, or set DAGSTER_HOME to another folder."
        ) from error


def database_error(error: Exception) -> SQLAlchemyError | None:
    """The error of the database that made dagster-postgres give up after several attempts."""
    is_last_attempt = type(error).__name__ == "DagsterPostgresException"  # of a package that only Postgres needs
    return error.__cause__ if is_last_attempt and isinstance(error.__cause__, SQLAlchemyError) else None


def _open_instance(home: Path) -> dg.DagsterInstance:
    configured, _ = dagster_instance_config(str(home))
    if _STORAGES & configured.keys():
        return dg.DagsterInstance.from_config(str(home))
    default = InstanceRef.config_defaults(str(home))["event_log_storage"]
    log = {"module": __name__, "class": EventLog.__name__, "config": default.config_dict if default else {}}
    overrides = {"event_log_storage": log}
    if "compute_logs" not in configured:
        # The run prints its own lines and keeps dbt's. Capturing them again takes two processes, which print tracebacks
        # of their own at Ctrl-C.
        overrides["compute_logs"] = {
            "module": NoOpComputeLogManager.__module__,
            "class": NoOpComputeLogManager.__name__,
            "config": {},
        }
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides))


def _write_later(connection: sqlite3.Connection, _: object) -> None:
    """Leave it to the system when an event reaches the disk.

    SQLite would wait for the disk after each of a run's thousands of events. With Dagster's write-ahead log, a power
    failure may then lose the last events of a run that it ends anyway, and damages nothing.
    """
    connection.execute("pragma synchronous = normal")


class EventLog(SqliteEventLogStorage):
    """The event log below a Dagster home, one SQLite file for each run and one as an index of all runs."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> EventLog:
        """Opens the log in the folder `base_dir` of the configuration."""
        return cls(config_value["base_dir"], inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            self._engines[shard] = sa.create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
            sa.event.listen(self._engines[shard], "connect", _write_later)
        self._engines.move_to_end(shard)
        if len(self._engines) > _MAX_OPEN_FILES:
            _, oldest = self._engines.popitem(last=False)
            oldest.dispose()
        return self._engines[shard]

    def dispose(self) -> None:
        """Close all files."""
        for engine in self._engines.values():
            engine.dispose()
        super().dispose()
