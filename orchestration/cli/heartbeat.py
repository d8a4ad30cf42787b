"""Lines of progress with the time since the start, and the current stage whenever a run is silent for ten seconds.

Which events make a line is in `progress`. Imports nothing that takes long, because it also covers the imports.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from orchestration.cli.terminal import say

MAX_SILENCE_SECONDS = 10


class Heartbeat:
    """Prints the current stage from a thread of its own while nothing else is printed.

    `say_line` prints a line: by default `say`, on standard output.
    """

    def __init__(self, started: float, stage: str, say_line: Callable[[str], None] | None = None) -> None:
        self._say_line = say_line or say
        self._started = started
        self._printed_at = started
        self._stage = stage
        self._done, self._total = 0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def enter(self, stage: str, total: int = 0) -> None:
        """Name what the run does from now on, and how many parts it has (0 if that is unknown)."""
        self._stage, self._done, self._total = stage, 0, total

    def count(self) -> None:
        """Count one more part of the stage as done."""
        self._done += 1

    def print(self, line: str) -> None:
        """Print a line with the seconds since the start."""
        self._printed_at = time.monotonic()
        self._say_line(f"{self._printed_at - self._started:5.0f} s  {line}")

    def _beat(self) -> None:
        while not self._ended.wait(max(self._printed_at + MAX_SILENCE_SECONDS - time.monotonic(), 0.05)):
            if time.monotonic() - self._printed_at >= MAX_SILENCE_SECONDS:
                done = f": {self._done} of {self._total} done" if self._total else ""
                self.print(f"… {self._stage}{done}")
