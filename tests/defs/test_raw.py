"""What a raw asset reports about the responses of its surface."""

import datetime as dt
from types import SimpleNamespace

from orchestration.defs.raw import _later_responses
from orchestration.openrouter.surfaces import RANKINGS


def test_recordings_after_the_clock_are_counted_apart() -> None:
    fetched = ["2026-06-22T05:00:37+00:00", "2026-06-23T10:49:47+00:00"]
    lake = SimpleNamespace(responses=lambda _: [{"fetched_at": moment} for moment in fetched])
    replay = SimpleNamespace(is_recorded=True, now=dt.datetime(2026, 6, 22, 6, tzinfo=dt.UTC))
    assert _later_responses(RANKINGS, lake, replay)["responses_after_clock"].value == 1  # type: ignore[arg-type]
    live = SimpleNamespace(is_recorded=False, now=replay.now)
    assert _later_responses(RANKINGS, lake, live) == {}  # type: ignore[arg-type]
