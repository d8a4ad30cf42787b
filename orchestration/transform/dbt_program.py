"""dbt's command line, as the pipeline starts it, without two things that take dbt longer than many builds.

Project: by itself, dbt parses the whole project again if the connection in `profiles.yml` has another path than before.
Nothing that dbt parses depends on that path, only what it runs; so what was parsed for one data folder holds for every
other.

Debug events: dbt writes each of thousands as a line of JSON before it drops those that no log has room for.
"""

from typing import Any

from dbt.artifacts.resources.base import FileHash
from dbt.cli.main import cli
from dbt.parser.manifest import ManifestLoader
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager

_state_of: Any = ManifestLoader.build_manifest_state_check
_fire: Any = EventManager.fire_event


def _state_for_any_path(loader: ManifestLoader) -> Any:
    state = _state_of(loader)
    state.profile_hash = FileHash.from_contents("any path")
    return state


def _fire_if_wanted(manager: EventManager, e: Any, level: EventLevel | None = None, **options: Any) -> None:
    is_debug = (level or e.level_tag()) == EventLevel.DEBUG
    if not is_debug or any(logger.level == EventLevel.DEBUG for logger in manager.loggers):
        _fire(manager, e, level=level, **options)


def prepare() -> None:
    """Change dbt in this process as described above."""
    ManifestLoader.build_manifest_state_check = _state_for_any_path  # type: ignore[method-assign]
    EventManager.fire_event = _fire_if_wanted  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    prepare()
    cli()
