"""Recorded responses as a source: every recording is one observation, at the moment in its name.

    <folder>/<surface's recordings folder>/20260622T050037Z.json.gz

Knows nothing of what a response means; reading it is the surface's work.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import ResponseError, SettingsError
from orchestration.openrouter.surfaces import RANKINGS, Response, Surface
from orchestration.openrouter.transport import MAX_RESPONSE_BYTES, TooLargeError, gunzip

# Several of one moment are told apart by a word: 20260630T024558Z_week.json.gz.
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:_[a-z0-9]+)?\.json\.gz")


@dataclass(frozen=True)
class Recording:
    """One recorded response; `moment` (UTC) is when it was observed."""

    path: Path
    moment: dt.datetime

    def load(self) -> Response:
        """The recording as an observation. Raises ResponseError naming the file if it cannot be unpacked."""
        try:
            with self.path.open("rb") as packed:
                payload = gunzip(packed, MAX_RESPONSE_BYTES)
        except TooLargeError:
            raise ResponseError(
                f"{self.path} unpacks to more than {MAX_RESPONSE_BYTES // 1024**2} MiB, which no response has. "
                "Nothing of it was written; every other response is kept."
            ) from None
        except (EOFError, zlib.error, OSError) as error:
            raise ResponseError(
                f"{self.path} cannot be unpacked ({error}). Nothing of it was written; every other response is kept."
            ) from error
        return Response(label=str(self.path), payload=payload, fetched_at=self.moment)


class Recordings:
    """The recordings in a folder up to a clock (default: the newest rankings recording).

    Raises SettingsError if the folder is missing or holds no rankings.
    """

    def __init__(self, folder: Path, now: dt.datetime | None) -> None:
        if not folder.is_dir():
            raise SettingsError(
                f"ROUTERSCOPE_REPLAY_DIR is {str(folder)!r}, which is no folder. "
                "Give it a folder of recorded responses, such as one that holds rankings-daily/ and models/."
            )
        self._folder = folder
        recorded = _recordings(folder / RANKINGS.recordings)
        if not recorded:
            raise SettingsError(
                f"ROUTERSCOPE_REPLAY_DIR is {str(folder)!r}, which holds no {RANKINGS.recordings}/*.json.gz. "
                "Give it a folder whose recordings are named by their UTC moment: 20260622T050037Z.json.gz."
            )
        self.now = now or recorded[-1].moment

    def recordings(self, surface: Surface) -> list[Recording]:
        """Recordings of the surface up to the clock, oldest first; empty where none were made."""
        return [found for found in _recordings(self._folder / surface.recordings) if found.moment <= self.now]


def _recordings(folder: Path) -> list[Recording]:
    found = []
    for path in folder.glob("*.json.gz"):
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise ResponseError(
                f"{path} is not named by the UTC moment of its observation, as 20260622T050037Z.json.gz is. "
                "Nothing was written. Rename it or take it away, and run again."
            )
        try:
            moment = dt.datetime.strptime(name[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        except ValueError as error:
            raise ResponseError(f"{path}: its name is no moment ({error}). Nothing was written. Rename it.") from error
        found.append(Recording(path, moment))
    return sorted(found, key=lambda recording: (recording.moment, recording.path.name))
