"""dagster-dbt's classes, imported as if dbt's package were not installed.

dbt runs as a program of its own. Where dagster-dbt does not find dbt's package, it needs nothing of it; where it does,
it imports most of it into every process that loads the definitions, which took two fifths of their time.
"""

import sys

_FOUND_BY = "dbt.version"  # the module by which dagster-dbt finds dbt

_loaded = sys.modules.get(_FOUND_BY)
sys.modules[_FOUND_BY] = None  # type: ignore[assignment]  # Python's way to make an import fail
try:
    from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
finally:
    if _loaded is None:
        del sys.modules[_FOUND_BY]
    else:
        sys.modules[_FOUND_BY] = _loaded

__all__ = ["DagsterDbtTranslator", "DbtCliResource", "dbt_assets"]
