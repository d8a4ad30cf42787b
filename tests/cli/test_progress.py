"""The events of a run that a reader sees as lines of progress."""

import logging
import time

import dagster as dg
import pytest

from orchestration.cli import heartbeat
from orchestration.cli.heartbeat import Heartbeat
from orchestration.cli.progress import ProgressListener
from orchestration.defs.resources import IN_USE


def test_silence_of_a_waiting_run_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr(heartbeat, "say", printed.append)
    monkeypatch.setattr(heartbeat, "MAX_SILENCE_SECONDS", 0.05)
    line = f"{IN_USE} /data; this one waits until it has finished."
    with Heartbeat(time.monotonic(), "loading") as running:
        ProgressListener(running, source=None)(  # type: ignore[arg-type]  # not used by this event
            dg.EventLogEntry(None, logging.WARNING, line, run_id="", timestamp=0.0)
        )
        deadline = time.monotonic() + 10
        while not any("waiting until the other run has finished" in text for text in printed):
            assert time.monotonic() < deadline, printed
            time.sleep(0.01)
    assert any(text.endswith(line) for text in printed)
