"""`routerscope rollback` and `routerscope tidy`: undo a publish, and mark killed runs as failed.

`storage.releases` and `defs.runs` do the work. Old releases and old runs are deleted without a command.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orchestration.cli.dagster_home import dagster_home, history_errors, use_dagster_home
from orchestration.cli.terminal import Data, errors_as_lines, say
from orchestration.folders import data_folder
from orchestration.storage.files import check_data_folder

if TYPE_CHECKING:
    from pathlib import Path

    import dagster as dg


def rollback(data: Data = None) -> None:
    """Publish the release before the current one.

    The current release is withdrawn. The next run publishes a new one. With ROUTERSCOPE_REMOTE, object storage and the
    data folder both return to the release before the one that is published in object storage.
    """
    from orchestration.storage.migrations import migrate
    from orchestration.storage.releases import Releases

    with errors_as_lines():
        folder = data_folder(data)
        check_data_folder(folder)
        for line in migrate(folder):
            say(line)
        releases = Releases(folder)
        if address := os.environ.get("ROUTERSCOPE_REMOTE"):
            withdrawn, restored = _rollback_remote(address, folder)
            say(f"Published {restored} again, in {address} and {releases.published}. {withdrawn} was withdrawn.")
        else:
            withdrawn = releases.current.name
            restored = releases.rollback().name
            say(f"Published {restored} again, in {releases.published}. {withdrawn} was withdrawn.")
        say("The next run publishes a new release.")


def _rollback_remote(address: str, folder: Path) -> tuple[str, str]:
    from orchestration.settings import remote_address
    from orchestration.storage.remote import Remote

    return Remote(remote_address(address), folder, say).rollback()


def tidy(data: Data = None) -> None:
    """Mark killed runs as failed.

    Otherwise the next run would wait for them. The commands run, up and ui do this automatically.
    """
    with errors_as_lines():
        folder = data_folder(data)
        check_data_folder(folder)
        tidy_home(folder)


def tidy_home(data: Path) -> None:
    """Mark the killed runs in the Dagster home of a data folder as failed, if the home exists."""
    if not dagster_home(data).is_dir():
        return
    from orchestration.defs.event_log import open_instance

    home = use_dagster_home(data)
    with history_errors(home), open_instance(home) as instance:
        tidy_instance(instance)


def tidy_instance(instance: dg.DagsterInstance) -> None:
    """Mark killed runs as failed, printing a line for each, and rename the schedules of an older version."""
    from orchestration.defs.runs import end_killed_runs
    from orchestration.defs.schedule_states import rename_states

    rename_states(instance)
    for line in end_killed_runs(instance):
        say(line)
