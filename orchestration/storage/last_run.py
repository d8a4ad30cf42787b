"""How the newest run in a data folder ended, in one file beside the data: reading it needs no Dagster.

<data>/last_run.json    run_id, state, ended, process
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from orchestration.storage.files import read_json, write_atomically
from orchestration.storage.processes import is_running, process_identity

LAST_RUN = "last_run.json"
State = Literal["STARTED", "SUCCESS", "FAILURE", "CANCELED"]


@dataclass(frozen=True)
class LastRun:
    """`ended` (ISO 8601, UTC) is None while the run is in progress, and if it was killed."""

    run_id: str
    state: State
    ended: str | None
    process: str

    def is_killed(self, data: Path) -> bool:
        """Whether the run's process is gone although the run did not end; `data` is the folder of the record."""
        return self.state == "STARTED" and not is_running(self.process, data)


def record_start(data: Path, run_id: str) -> None:
    """Record that this process runs in the data folder."""
    _write(data, LastRun(run_id, "STARTED", None, process_identity(os.getpid()) or ""))


def record_end(data: Path, run_id: str, state: State) -> None:
    """Record how the run in this process ended."""
    ended = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    _write(data, LastRun(run_id, state, ended, process_identity(os.getpid()) or ""))


def last_run(data: Path) -> LastRun | None:
    """The newest run in the data folder; None if there was none, or its record is damaged."""
    try:
        run = LastRun(**read_json(data / LAST_RUN))
    except (OSError, ValueError, TypeError):
        return None
    has_types = all(isinstance(text, str) for text in (run.run_id, run.state, run.process, run.ended or ""))
    return run if has_types else None


def _write(data: Path, run: LastRun) -> None:
    write_atomically(data / LAST_RUN, (json.dumps(asdict(run), indent=1) + "\n").encode())
