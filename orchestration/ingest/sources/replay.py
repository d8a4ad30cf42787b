"""Recorded responses of the real API: each recording up to the clock is one observation.

The names and the reading of recordings are in `openrouter.recordings`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from orchestration.formatting import timestamp_in_words
from orchestration.ingest.sources.interface import FetchOptions, FetchTask
from orchestration.openrouter.essential import is_essential
from orchestration.openrouter.recordings import Recordings
from orchestration.openrouter.surfaces import SURFACES, Surface
from orchestration.storage.lake import Kind


class Replay:
    """A folder of recordings as a source. All of them are due; the lake skips recordings that it already has.

    `is_sample` says that it is the sample, which `explain` describes.
    """

    is_rate_limited = False
    is_recorded = True
    kind: Kind = "real"

    def __init__(self, recordings: Recordings, *, is_sample: bool = False) -> None:
        self._recordings = recordings
        self._is_sample = is_sample

    @property
    def now(self) -> dt.datetime:
        return self._recordings.now

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:  # noqa: ARG002
        is_needed = self.is_essential(surface)
        recordings = self._recordings.recordings(surface)
        return [FetchTask(str(one.path), one.load, is_essential=is_needed) for one in recordings], 0

    def is_essential(self, surface: Surface) -> bool:
        return is_essential(surface, has_key=True)  # recordings are made with a key

    def explain(self) -> list[str]:
        if self._is_sample:
            return [f"Sample: rankings, apps and token prices of OpenRouter up to {timestamp_in_words(self.now)}."]
        later = sum(self._recordings.later(surface) for surface in SURFACES.values())
        ignored = f"{later:,} later recording{' is' if later == 1 else 's are'} ignored" if later else "none is later"
        return [f"Clock {timestamp_in_words(self.now)}: {ignored}."]

    def why_empty(self, surface: Surface) -> str:
        folder = f"{surface.recordings}/"
        if later := self._recordings.later(surface):
            return f"no recordings up to the clock ({folder} has {later:,} later)"
        if files := self._recordings.other_files(surface):
            return f"no recordings ({folder} has {files:,} files named otherwise than <UTC time>.json.gz)"
        return f"no recordings ({folder})"

    def report_to(self, log: Callable[[str], None]) -> None:
        """Reading a recording takes no time worth reporting."""
