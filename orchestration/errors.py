"""Every error Routerscope raises on purpose, as one tree.

    RouterscopeError
    ├── SettingsError    a setting is missing or wrong
    ├── ResponseError    a response or recording cannot be read; nothing of it was written
    ├── LakeError        the lake refused a write, or could not make one
    └── WarehouseError   the warehouse or the published files could not be written

A message says what happened, what was kept, and what to do next. What belongs to one library (DuckDB,
dbt, Arrow) is translated into this tree where that library is called, not here.
"""


class RouterscopeError(Exception):
    """Root of the tree: anything that a person is meant to read as a plain sentence."""


class SettingsError(RouterscopeError):
    """A setting is missing or has a value that cannot be used."""


class ResponseError(RouterscopeError):
    """A response cannot be read. Nothing of it was written; all others are kept."""


class LakeError(RouterscopeError):
    """The lake refused a write, or the disk did. What was in the lake is still there."""


class WarehouseError(RouterscopeError):
    """The warehouse or the published files could not be written. What was published still is."""
