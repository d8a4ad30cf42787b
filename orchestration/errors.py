"""Every error Routerscope raises on purpose, as one tree.

    RouterscopeError
    ├── SettingsError    a setting is missing or wrong
    ├── SourceError      the source cannot be reached, or will not answer
    │   ├── KeyRefusedError   it wants a key, or another one
    │   ├── NotFoundError     it has no such thing
    │   └── QuotaSpentError   it answers no more today
    ├── ResponseError    a response or recording cannot be read; nothing of it was written
    ├── LakeError        the lake refused a write, or could not make one
    ├── WarehouseError   the warehouse or the published files could not be written
    │   └── RejectedError     what was built did not pass its checks
    ├── MigrationError   the state of an older version could not be moved to its new names
    ├── ReportError      the report could not be made
    ├── AlertError       an alert did not arrive
    └── QueryError    what was asked of the published tables cannot be answered

A message says what happened, what was kept, and what to do next. What belongs to one library (httpx, DuckDB,
dbt, Arrow) is translated into this tree where that library is called, not here.
"""


class RouterscopeError(Exception):
    """Root of the tree: anything that a person is meant to read as a plain sentence."""


class SettingsError(RouterscopeError):
    """A setting is missing or has a value that cannot be used."""


class SourceError(RouterscopeError):
    """The source cannot be reached or will not answer. Nothing was asked of it that has to be undone."""


class KeyRefusedError(SourceError):
    """The source wants a key, or does not take the one it was given. Asking again is of no use."""


class NotFoundError(SourceError):
    """The source has nothing under that address; `said` is what it said of that."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class QuotaSpentError(SourceError):
    """The source answers no more requests of this account for now; what is left is asked for later."""


class ResponseError(RouterscopeError):
    """A response cannot be read. Nothing of it was written; all others are kept."""


class LakeError(RouterscopeError):
    """The lake refused a write, or the disk did. What was in the lake is still there."""


class WarehouseError(RouterscopeError):
    """The warehouse or the published files could not be written. What was published still is."""


class RejectedError(WarehouseError):
    """What was built did not pass its checks, so it is not published."""


class MigrationError(RouterscopeError):
    """The state of an older version could not be moved to its new names. Nothing of it is lost."""


class ReportError(RouterscopeError):
    """The report could not be made. The tables it would have shown are published all the same."""


class AlertError(RouterscopeError):
    """An alert did not arrive. It is told again later."""


class QueryError(RouterscopeError):
    """What was asked of the published tables cannot be answered. Nothing was changed."""
