"""The version of the published schema: tables, keys, columns and their types.

`docs/schema-versions.md` states which change raises it. `docs/schema.json` records the schema of this version, and a
test compares it with the marts. Which tables a release holds is in `catalog`.
"""

from __future__ import annotations

from orchestration.storage.releases import Function

SCHEMA_VERSION = 1
# For readers who have the DuckDB file only; the data package has the number too.
SCHEMA_FUNCTION = Function(
    "schema_version",
    f"schema_version() as {SCHEMA_VERSION}",
    "The version of the published schema, raised when a table or a column is removed, renamed or retyped.",
)
