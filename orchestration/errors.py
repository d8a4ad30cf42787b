"""Every error that Routerscope raises on purpose, as one tree.

    RouterscopeError
    ├── SettingsError         a setting or option is missing or invalid
    ├── SourceError           the source cannot be reached, or refuses the request
    │   ├── KeyRefusedError   it requires an API key, or rejects the one it was sent
    │   ├── NotFoundError     it has nothing at that address
    │   └── QuotaSpentError   it accepts no more requests for now
    ├── RequestLogError       the count of requests made (requests.sqlite) cannot be read or written
    ├── ResponseError         a response or recording cannot be parsed
    ├── LakeError             the lake refused a write, or the write failed
    ├── RemoteError           object storage cannot be read or written, or holds a damaged object
    │   └── ConflictError     another host published there at the same time
    ├── WarehouseError        the warehouse or the release could not be written
    │   └── RejectedError     the build did not pass its checks
    ├── MigrationError        the state of an older version could not be moved to its new names
    ├── ReportError           the report could not be made
    ├── ExportError           an export could not be made
    ├── SiteError             a release could not be published to a site
    ├── AlertError            an alert could not be sent
    │   └── TooManyAlertsError    the channel asks to wait
    ├── UsageError            a log of own usage cannot be taken in
    └── QueryError            a question about the published tables cannot be answered

A message states what failed, what state things are in, and what to do. Code that calls a library (httpx, DuckDB, dbt,
Arrow) translates the library's errors into this tree.
"""


class RouterscopeError(Exception):
    """Root of the tree. Its message is written for people and is shown without a traceback."""


class SettingsError(RouterscopeError):
    """A setting or command-line option is missing or has an invalid value."""


class SourceError(RouterscopeError):
    """The source cannot be reached, or refuses the request. Nothing was fetched by the request that failed."""


class KeyRefusedError(SourceError):
    """The source requires an API key, or rejects the one it was sent. A retry does not help."""


class NotFoundError(SourceError):
    """The source has nothing at that address; `api_message` is the reason that it gave, empty if it gave none."""

    def __init__(self, message: str, api_message: str = "") -> None:
        super().__init__(message)
        self.api_message = api_message


class QuotaSpentError(SourceError):
    """The source accepts no more requests of this account for now; a later run fetches the rest."""


class RequestLogError(RouterscopeError):
    """The log of requests made, from which the quota is counted, cannot be read or written. Nothing was fetched."""


class ResponseError(RouterscopeError):
    """A response or recording cannot be parsed. None of it was written; all others are kept."""


class LakeError(RouterscopeError):
    """The lake refused a write, or the write failed. The lake's files are unchanged."""


class RemoteError(RouterscopeError):
    """Object storage cannot be read or written, or holds a damaged object. What is published there is unchanged."""


class ConflictError(RemoteError):
    """Another host published to the same object storage at the same time. Its release stays published there."""


class WarehouseError(RouterscopeError):
    """The warehouse or the release could not be written. The previous release is still published."""


class RejectedError(WarehouseError):
    """The build did not pass its checks, so it is not published."""


class MigrationError(RouterscopeError):
    """The state of an older version could not be moved to its new names. No state is lost."""


class ReportError(RouterscopeError):
    """The report could not be made. The tables that it would have shown are published."""


class ExportError(RouterscopeError):
    """An export for another tool could not be made. The tables of the release are published without it."""


class SiteError(RouterscopeError):
    """A release could not be published to a site. The newest release of the site is the same as before."""


class AlertError(RouterscopeError):
    """An alert could not be sent. A later tick tries again."""


class TooManyAlertsError(AlertError):
    """A channel asks to wait for so many seconds before it is sent anything again."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class UsageError(RouterscopeError):
    """A log of own usage cannot be taken in, or there is none. Nothing of that log was written."""


class QueryError(RouterscopeError):
    """A question about the published tables cannot be answered. Nothing was changed."""


def disk_error(error: OSError) -> str:
    """The message of an error of the disk that no other message explains."""
    where = f"{error.filename} cannot be read or written" if error.filename else "A file cannot be read or written"
    return (
        f"{where}: {error.strerror or error}. Complete files and releases are kept. Free disk space or fix "
        "the permissions of the folder, and run again."
    )
