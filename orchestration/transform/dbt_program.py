"""dbt's command line, as the pipeline starts it, without three things that take dbt long.

Project: by itself, dbt parses the whole project again if the connection in `profiles.yml` has another path than before.
Nothing that dbt parses depends on that path, only what it runs; so what was parsed for one data folder holds for every
other.

Debug events: dbt writes each of thousands as a line of JSON before it drops those that no log has room for.

Fixtures: dbt inserts those of a unit test after the model's first `with`. To find it, dbt lets sqlparse group the whole
model, which takes a fifth of a unit test.
"""

import re
from typing import Any

import dbt.compilation
from dbt.artifacts.resources.base import FileHash
from dbt.cli.main import cli
from dbt.parser.manifest import ManifestLoader
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager

_state_of: Any = ManifestLoader.build_manifest_state_check
_fire: Any = EventManager.fire_event
_inject: Any = dbt.compilation.inject_ctes_into_sql
_WITH = re.compile(r"(?:\s|--[^\r\n]*\r?\n)*with\s+(?:recursive\s+)?", re.IGNORECASE)


def _state_for_any_path(loader: ManifestLoader) -> Any:
    state = _state_of(loader)
    state.profile_hash = FileHash.from_contents("any path")
    return state


def _fire_if_wanted(manager: EventManager, e: Any, level: EventLevel | None = None, **options: Any) -> None:
    is_debug = (level or e.level_tag()) == EventLevel.DEBUG
    if not is_debug or any(logger.level == EventLevel.DEBUG for logger in manager.loggers):
        _fire(manager, e, level=level, **options)


def _inject_after_with(sql: str, ctes: list[Any]) -> str:
    found = _WITH.match(sql)
    if not found or not ctes:
        return str(_inject(sql, ctes))
    return f"{found[0]}{', '.join(cte.sql for cte in ctes)}, {sql[found.end() :]}"


def prepare() -> None:
    """Change dbt in this process as described above."""
    dbt.compilation.inject_ctes_into_sql = _inject_after_with
    ManifestLoader.build_manifest_state_check = _state_for_any_path  # type: ignore[method-assign]
    EventManager.fire_event = _fire_if_wanted  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    prepare()
    cli()
