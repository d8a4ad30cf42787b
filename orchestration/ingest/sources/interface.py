"""The interface of every source, and the options for fetching more than what is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestration.openrouter.surfaces import Response, Surface
from orchestration.storage.lake import Kind


@dataclass(frozen=True)
class FetchTask:
    """One response to fetch.

    `label` names it in messages; `requests` is the number of HTTP requests that it takes. If an essential task fails,
    nothing is built. `pause` waits before refetch 1, 2, … of a response that cannot be parsed; a task without it is
    not refetched.
    """

    label: str
    fetch: Callable[[], Response] = field(repr=False)
    requests: int = 1
    is_essential: bool = False
    pause: Callable[[int], None] | None = None


@dataclass(frozen=True)
class FetchOptions:
    """What to fetch in addition to what is due.

    `window`: backfill rankings and apps for these days, first and last included, whether or not the lake covers them.
    `refetch`: fetch all days of the rankings again, and every daily snapshot.
    """

    window: tuple[dt.date, dt.date] | None = None
    refetch: bool = False


DUE_ONLY = FetchOptions()


class Source(Protocol):
    """Where responses come from.

    `is_rate_limited`: waiting for its quota takes real time. `is_recorded`: its responses are already files, so a
    response that cannot be parsed is neither refetched nor quarantined.
    """

    is_rate_limited: bool
    is_recorded: bool

    @property
    def now(self) -> dt.datetime:
        """The source's clock, UTC."""

    @property
    def kind(self) -> Kind | None:
        """Whether its data is real or simulated; None if the source cannot be reached to find out."""

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:
        """The tasks that are due for a surface, in order, and the number of requests that are deferred.

        Raises SourceError or ResponseError if planning needs the source and the source does not respond.
        """

    def is_essential(self, surface: Surface) -> bool:
        """Whether nothing may be built if this surface cannot be fetched."""

    def explain(self) -> list[str]:
        """Lines to print: what the source is, and what it leaves out."""

    def why_empty(self, surface: Surface) -> str:
        """Why the lake has no response of a surface, as text to print."""

    def report_to(self, log: Callable[[str], None]) -> None:
        """Send lines about waits, and about progress within one task, to `log`."""
