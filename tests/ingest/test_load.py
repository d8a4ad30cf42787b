"""A response that cannot be parsed is fetched again before it is quarantined."""

import datetime as dt
import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestration.clock import VirtualClock
from orchestration.ingest.load import QUARANTINE, LoadResult, load_surface
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
    """Load providers from these replies: the result, the quarantined bodies, and the seconds of waiting."""
    pending = list(replies)

    def answer(method: str, target: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:  # noqa: ARG001
        if "/exports/" in target:
            return 404, {}, b""
        status, body = pending.pop(0) if len(pending) > 1 else pending[0]
        return status, {}, body

    clock = VirtualClock(NOON)
    lake = Lake(folder / "raw")
    result = load_surface(PROVIDERS, Live(Client(clock=clock, handler=answer), lake), lake)
    bodies = [gzip.decompress(path.read_bytes()) for path in sorted((folder / QUARANTINE).rglob("*.json.gz"))]
    return result, bodies, (clock.now() - NOON).total_seconds()


@pytest.mark.parametrize("bad", [CUT, DRIFTED])
def test_unparsed_response_is_refetched(tmp_path: Path, bad: tuple[int, bytes]) -> None:
    result, quarantined, waited = fetch(tmp_path, bad, bad, GOOD)
    assert (result.responses_added, result.requests_made, result.problems, quarantined) == (1, 3, [], [])
    assert 1.5 <= waited <= 3.5


def test_newest_body_is_quarantined_after_the_last_refetch(tmp_path: Path) -> None:
    result, quarantined, _ = fetch(tmp_path, CUT, CUT, DRIFTED, GOOD)
    assert (result.responses_added, result.requests_made, quarantined) == (0, 3, [DRIFTED[1]])
    [problem] = result.problems
    assert "row 0 of `data`" in problem
    assert f"The body is quarantined as {tmp_path}/quarantine/providers/" in problem


def test_body_is_quarantined_if_its_refetch_fails(tmp_path: Path) -> None:
    result, quarantined, _ = fetch(tmp_path, CUT, BUSY)
    assert (result.responses_added, quarantined) == (0, [CUT[1]])
    assert "The body is quarantined as" in result.problems[0]
    assert "failed after 5 attempts" in result.problems[1]


def test_parsed_response_is_fetched_once(tmp_path: Path) -> None:
    assert fetch(tmp_path, GOOD)[0].requests_made == 1
