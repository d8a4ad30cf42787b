"""The simulator as a source, without a job."""

import json

import pytest
from conftest import new_responses


@pytest.mark.parametrize("now", ["2026-11-26", "2026-11-26T23:59:00Z", "2026-11-26T00:01:00Z"])
def test_nothing_is_due_again_at_the_same_clock(now: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the quota takes minutes of the simulated clock, but never reaches the next day."""
    world = json.dumps({"models": 60, "days": 80, "observations": 1})
    for name, value in {"DATA_DIR": tmp_path, "SOURCE": "simulator", "SIMULATOR": world, "NOW": now}.items():
        monkeypatch.setenv(f"ROUTERSCOPE_{name}", str(value))
    assert new_responses()["apps"] > 30
    assert new_responses() == {}
