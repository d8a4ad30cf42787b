"""`routerscope rollback` and `routerscope tidy`: undo a publish, and end runs whose process was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.cli.dagster_home import dagster_home, use_dagster_home
from orchestration.cli.terminal import Data, errors_as_lines, say
from orchestration.settings import data_folder
from orchestration.storage.migrations import migrate
from orchestration.storage.releases import Releases

if TYPE_CHECKING:
    from pathlib import Path

    import dagster as dg


def rollback(data: Data = None) -> None:
    """Publish the release before the current one.

    The current release is withdrawn. The next run publishes a new one.
    """
    with errors_as_lines():
        folder = data_folder(data)
        for line in migrate(folder):
            say(line)
        releases = Releases(folder)
        withdrawn = releases.published.resolve().name
        restored = releases.rollback().name
        say(f"Published {restored} again, in {releases.published}. {withdrawn} was withdrawn.")
        say("The next run publishes a new release.")


def tidy(data: Data = None) -> None:
    """End runs whose process was killed.

    Otherwise the next run would wait for them. run and up do this by themselves.
    """
    with errors_as_lines():
        tidy_home(data_folder(data))


def tidy_home(data: Path) -> None:
    """End the killed runs in the Dagster home of a data folder, if it exists."""
    if not dagster_home(data).is_dir():
        return
    import dagster as dg

    use_dagster_home(data)
    with dg.DagsterInstance.get() as instance:
        tidy_instance(instance)


def tidy_instance(instance: dg.DagsterInstance) -> None:
    """End the runs whose process is gone, printing a line on each, and rename what an older version left."""
    from orchestration.defs.runs import end_lost_runs
    from orchestration.defs.schedule_states import rename_states

    rename_states(instance)
    for line in end_lost_runs(instance):
        say(line)
