"""A response that cannot be parsed is fetched again before it is quarantined."""

import datetime as dt
import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestration.clock import VirtualClock
from orchestration.ingest.load import LoadResult, load_surface
from orchestration.ingest.sources import Live
from orchestration.openrouter.client import Client
from orchestration.openrouter.surfaces import PROVIDERS
from orchestration.storage.lake import Lake

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
GOOD = (200, json.dumps({"data": [{"slug": "acme", "name": "Acme"}]}).encode())
DRIFTED = (200, json.dumps({"data": [{"slug": 1}]}).encode())
CUT = (200, b'{"data": [')
BUSY = (503, b"")


def fetch(folder: Path, *replies: tuple[int, bytes]) -> tuple[LoadResult, list[bytes], float]:
    """What one run loads of the providers, the quarantined bodies, and the seconds it waited."""
    waiting = list(replies)

    def answer(method: str, target: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:  # noqa: ARG001
        if "/exports/" in target:
            return 404, {}, b""
        status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return status, {}, body

    clock = VirtualClock(NOON)
    lake = Lake(folder / "raw")
    taken = load_surface(PROVIDERS, Live(Client(clock=clock, handler=answer), lake), lake)
    kept = sorted((folder / "unreadable").rglob("*.json.gz"))
    return taken, [gzip.decompress(path.read_bytes()) for path in kept], (clock.now() - NOON).total_seconds()


@pytest.mark.parametrize("bad", [CUT, DRIFTED])
def test_unparsed_response_is_refetched(tmp_path: Path, bad: tuple[int, bytes]) -> None:
    taken, quarantined, waited = fetch(tmp_path, bad, bad, GOOD)
    assert (taken.added, taken.asked, taken.problems, quarantined) == (1, 3, [], [])
    assert 1.5 <= waited <= 3.5


def test_newest_body_is_quarantined_after_the_last_refetch(tmp_path: Path) -> None:
    taken, quarantined, _ = fetch(tmp_path, CUT, CUT, DRIFTED, GOOD)
    assert (taken.added, taken.asked, quarantined) == (0, 3, [DRIFTED[1]])
    [problem] = taken.problems
    assert "row 0 of `data`" in problem
    assert f"The body is kept as {tmp_path}/unreadable/providers/" in problem


def test_body_is_quarantined_if_its_refetch_fails(tmp_path: Path) -> None:
    taken, quarantined, _ = fetch(tmp_path, CUT, BUSY)
    assert (taken.added, quarantined) == (0, [CUT[1]])
    assert ["kept as" in taken.problems[0], "did not respond" in taken.problems[1]] == [True, True]


def test_parsed_response_is_fetched_once(tmp_path: Path) -> None:
    assert fetch(tmp_path, GOOD)[0].asked == 1
