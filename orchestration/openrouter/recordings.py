"""Recorded responses as a source: every recording is one response, fetched at the time in its file name.

    <folder>/<surface's recordings folder>/20260622T050037Z.json.gz

Surfaces parse the responses.
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

_PATTERN = "*.json.gz"
# A suffix distinguishes recordings of the same second: 20260630T024558Z_week.json.gz.
_FILE_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:_[a-z0-9]+)?\.json\.gz")


@dataclass(frozen=True)
class Recording:
    """One recorded response, fetched at `recorded_at` (UTC)."""

    path: Path
    recorded_at: dt.datetime

    def load(self) -> Response:
        """The recorded response. Raises ResponseError naming the file if it cannot be decompressed."""
        try:
            with self.path.open("rb") as compressed:
                payload = gunzip(compressed, MAX_RESPONSE_BYTES)
        except TooLargeError:
            raise ResponseError(
                f"{self.path} decompresses to more than {MAX_RESPONSE_BYTES // 1024**2} MiB, far more than expected. "
                "None of it was written; all other responses are kept."
            ) from None
        except (EOFError, zlib.error, OSError) as error:
            raise ResponseError(
                f"{self.path} cannot be decompressed ({error}). None of it was written; all other responses are kept."
            ) from error
        return Response(label=str(self.path), payload=payload, fetched_at=self.recorded_at)


class Recordings:
    """The recordings in a folder up to `now` (default: the time of the newest rankings recording).

    Raises SettingsError if the folder does not exist or holds no recordings of the rankings.
    """

    def __init__(self, folder: Path, now: dt.datetime | None) -> None:
        if not folder.is_dir():
            raise SettingsError(
                f"ROUTERSCOPE_REPLAY_DIR is {str(folder)!r}, which is not a folder. Set it to a folder of recorded "
                "responses, with subfolders such as rankings-daily/ and models/."
            )
        self._folder = folder
        rankings = _recordings(folder / RANKINGS.recordings)
        if not rankings:
            raise SettingsError(
                f"ROUTERSCOPE_REPLAY_DIR is {str(folder)!r}, which contains no {RANKINGS.recordings}/*.json.gz. Set it "
                "to a folder whose recordings are named after their UTC times, such as 20260622T050037Z.json.gz."
            )
        self.now = now or rankings[-1].recorded_at

    def recordings(self, surface: Surface) -> list[Recording]:
        """Recordings of the surface up to `now`, oldest first; empty if there are none."""
        recorded = _recordings(self._folder / surface.recordings)
        return [recording for recording in recorded if recording.recorded_at <= self.now]

    def later(self, surface: Surface) -> int:
        """Number of the surface's recordings after `now`."""
        return len(_recordings(self._folder / surface.recordings)) - len(self.recordings(surface))

    def other_files(self, surface: Surface) -> int:
        """Number of files in the surface's folder that are not recordings."""
        files = (self._folder / surface.recordings).glob("*")
        return sum(path.is_file() and not path.match(_PATTERN) for path in files)


def _recordings(folder: Path) -> list[Recording]:
    found = []
    for path in folder.glob(_PATTERN):
        name = _FILE_NAME.fullmatch(path.name)
        try:
            recorded_at = dt.datetime.fromisoformat(name[1] if name else "")
        except ValueError:
            raise ResponseError(
                f"{path} is not named after the UTC time at which it was fetched, such as 20260622T050037Z.json.gz. "
                "Nothing was written. Rename it or move it to another folder, and run again."
            ) from None
        found.append(Recording(path, recorded_at))
    return sorted(found, key=lambda recording: (recording.recorded_at, recording.path.name))
