"""Where Dagster keeps the history of runs and the state of schedules: one home for each data folder.

    DAGSTER_HOME           used if it is set, and never created
    <data>/dagster_home    used otherwise, and created with the project's `dagster_home/dagster.yaml`

Version 0.1 kept one home for all data folders, in the project. A new home copies from it which schedules are switched
on or off.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.cli.terminal import say
from orchestration.errors import SettingsError, WarehouseError
from orchestration.folders import PROJECT_DIR
from orchestration.storage.files import write_atomically

TEMPLATE = PROJECT_DIR / "dagster_home" / "dagster.yaml"


def dagster_home(data: Path) -> Path:
    """The Dagster home of a data folder; it may not exist yet."""
    return Path(os.environ.get("DAGSTER_HOME") or data / "dagster_home")


def use_dagster_home(data: Path) -> Path:
    """Set DAGSTER_HOME for this process and its children, creating the default home if it is missing; returns it.

    An existing `dagster.yaml` is kept. Raises SettingsError if DAGSTER_HOME is set to a folder that cannot be used, and
    WarehouseError if the default home cannot be written.
    """
    home = dagster_home(data)
    if os.environ.get("DAGSTER_HOME"):
        if not (home.is_absolute() and home.is_dir()):
            raise SettingsError(
                f"DAGSTER_HOME is {str(home)!r}, which is not the absolute path of a folder. Nothing was run. Create "
                f"the folder and copy {TEMPLATE} into it, or unset DAGSTER_HOME to use {data / 'dagster_home'}."
            )
        return home
    configuration = home / TEMPLATE.name
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not configuration.exists():
            _copy_schedule_states(home)
            write_atomically(configuration, TEMPLATE.read_bytes())  # last, since its presence marks a complete home
    except OSError as error:
        raise WarehouseError(
            f"{home}, where Dagster keeps the history of runs, cannot be created: {error}. Nothing was run. Fix its "
            "permissions, or set DAGSTER_HOME to a writable folder."
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    return home


@contextmanager
def history_errors(home: Path) -> Iterator[None]:
    """Raises WarehouseError if Dagster cannot read or write its history of runs, in a home or in its database.

    Dagster reports errors of a step as events; any other error of the disk or of a database concerns the history.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    from orchestration.defs.event_log import database_error

    try:
        yield
    except BrokenPipeError:  # the reader of standard output has read enough
        raise
    except Exception as raised:
        error = database_error(raised) or raised
        if not isinstance(error, (OSError, sqlite3.Error, SQLAlchemyError)):
            raise
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        if isinstance(error, DBAPIError) and not isinstance(error.orig, sqlite3.Error):
            raise WarehouseError(
                f"The database in which Dagster keeps the history of runs cannot be used: {reason}. Raw data and "
                f"releases do not depend on it. Start the database, or correct what {home / 'dagster.yaml'} and its "
                "variables say about it, then run again."
            ) from error
        raise WarehouseError(
            f"{home}, where Dagster keeps the history of runs, cannot be used: {reason}. Raw data and releases do not "
            "depend on it. Free disk space or fix the permissions; if the history is damaged, move the folder away: "
            "the next run begins a new one."
        ) from error


def _copy_schedule_states(home: Path) -> None:
    if not (TEMPLATE.parent / "schedules" / "schedules.db").exists():
        return
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from orchestration.defs.schedule_states import copy_states

    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            copy_states(TEMPLATE.parent, instance)
    except SQLAlchemyError as error:
        say(
            f"{TEMPLATE.parent / 'schedules' / 'schedules.db'} cannot be read ({type(error).__name__}): the schedules "
            "of this data folder are switched on, as they are by default. Check them on the UI's Automation page."
        )
