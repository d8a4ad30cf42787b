"""Where responses come from: one module per source, all with the interface `Source`.

    live.py         OpenRouter's API, or a server at the base URL
    simulated.py    the simulated OpenRouter in this process
    replay.py       a folder of recorded responses: the sample that the project ships, or any other

To add a source, add a module here, a name in `settings.Source`, and a case in `open_source`. `planner` determines what
is due; `load` writes the responses into the lake.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from orchestration.clock import Clock
from orchestration.errors import SettingsError
from orchestration.folders import SAMPLE_DIR
from orchestration.ingest import planner
from orchestration.ingest.sources.interface import DUE_ONLY, FetchOptions, FetchTask, Source
from orchestration.ingest.sources.live import Live
from orchestration.ingest.sources.replay import Replay
from orchestration.ingest.sources.simulated import Simulated
from orchestration.openrouter.client import Client
from orchestration.openrouter.quota import REQUEST_LOG, RequestLog
from orchestration.openrouter.recordings import Recordings
from orchestration.settings import Settings
from orchestration.storage.lake import Lake

__all__ = [
    "DUE_ONLY",
    "FetchOptions",
    "FetchTask",
    "Live",
    "Replay",
    "Simulated",
    "Source",
    "fetch_options",
    "open_source",
]


def open_source(settings: Settings, lake: Lake, clock: Clock | None = None) -> Source:
    """The source that the settings name; `clock` is for the live one. Raises SettingsError if it cannot be opened."""
    match settings.source:
        case "live":
            state = RequestLog(settings.data / REQUEST_LOG)
            return Live(Client(str(settings.base_url), settings.api_key, state, clock), lake)
        case "simulator":
            return Simulated(settings, lake)
        case "sample":
            return Replay(Recordings(_sample(), settings.now), is_sample=True)
        case "replay":
            assert settings.replay_dir is not None  # noqa: S101  # validated by the settings
            return Replay(Recordings(settings.replay_dir, settings.now))


def _sample() -> Path:
    if not SAMPLE_DIR.is_dir():
        raise SettingsError(
            f"{SAMPLE_DIR}, the sample, does not exist. Nothing was fetched. Restore it from the repository, or choose "
            "another source: ROUTERSCOPE_SOURCE=live or simulator."
        )
    return SAMPLE_DIR


def fetch_options(source: Source, first: str, last: str, refetch: bool) -> FetchOptions:
    """Options from text: days as YYYY-MM-DD, both or neither. Raises SettingsError."""
    if not (first or last):
        return FetchOptions(refetch=refetch)
    if isinstance(source, Live) and not source.has_key:
        raise SettingsError(
            "Days can be backfilled only with a key, and OPENROUTER_API_KEY is not set. Nothing was fetched. Set it, "
            "or omit the days."
        )
    try:
        if not (first and last):
            raise ValueError("one of the two is missing")  # noqa: TRY301  # one message for every cause
        window = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
        planner.backfill(*window, source.now.date())
    except ValueError as error:
        raise SettingsError(
            f"The days from {first!r} to {last!r} cannot be backfilled: {error}. Nothing was fetched. Give both as "
            "YYYY-MM-DD, or neither."
        ) from error
    return FetchOptions(window, refetch)
