"""A run that is silent shows its stage, and how much of it is done."""

import time

import pytest

from orchestration.cli import heartbeat
from orchestration.cli.heartbeat import Heartbeat


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    printed: list[str] = []
    monkeypatch.setattr(heartbeat, "say", printed.append)
    monkeypatch.setattr(heartbeat, "MAX_SILENCE_SECONDS", 0.05)
    return printed


def wait_for(lines: list[str], text: str) -> None:
    deadline = time.monotonic() + 10
    while not any(text in line for line in lines):
        assert time.monotonic() < deadline, lines
        time.sleep(0.01)


def test_silence_shows_the_stage(lines: list[str]) -> None:
    with Heartbeat(time.monotonic(), "loading"):
        wait_for(lines, "… loading")
    assert lines[0] == "    0 s  … loading"


def test_stage_with_parts_shows_how_many_are_done(lines: list[str]) -> None:
    with Heartbeat(time.monotonic(), "loading") as running:
        running.enter("models", total=3)
        running.count()
        wait_for(lines, "… models: 1 of 3 done")


def test_nothing_is_printed_after_the_end(lines: list[str]) -> None:
    with Heartbeat(time.monotonic(), "loading"):
        wait_for(lines, "loading")
    count = len(lines)
    time.sleep(0.2)
    assert len(lines) == count
