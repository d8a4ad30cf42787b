"""`routerscope rollback` and `routerscope tidy`: undo a publish, and end runs whose process was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.cli.dagster_home import dagster_home, use_dagster_home
from orchestration.cli.terminal import Data, errors_as_lines, say
from orchestration.settings import data_folder
from orchestration.storage.releases import Releases

if TYPE_CHECKING:
    from pathlib import Path

    import dagster as dg


def rollback(data: Data = None) -> None:
    """Publish the release before the current one.

    The current release is withdrawn. The next run publishes a new one.
    """
    with errors_as_lines():
        releases = Releases(data_folder(data))
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
        end_killed_runs(instance)


def end_killed_runs(instance: dg.DagsterInstance) -> None:
    """End the runs whose process is gone, and print a line on each."""
    from orchestration.defs.runs import end_lost_runs

    for line in end_lost_runs(instance):
        say(line)
