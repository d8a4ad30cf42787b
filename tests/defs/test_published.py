"""The freshness checks of a release: severity and description by state and source."""

import datetime as dt

import dagster as dg
import pytest

from orchestration.defs.published import freshness_results
from orchestration.publish.freshness import Measure

NOW = dt.datetime(2026, 8, 7, 0, 5, tzinfo=dt.UTC)
OLD_BY_DESIGN = "Recorded data of 7 August 2026, 00:05 UTC: old by design."


class Clock:
    """What the checks need of a source: its clock, and whether it reads recordings."""

    now = NOW

    def __init__(self, *, is_recorded: bool) -> None:
        self.is_recorded = is_recorded


def check(hours: float, *, is_recorded: bool) -> dg.AssetCheckResult:
    """The check of endpoints that are stale above 10 hours and too old above 20."""
    measures = [Measure("endpoints", "as_of_hours", hours, "hours", 10, 20, "")]
    results = freshness_results(measures, Clock(is_recorded=is_recorded))  # type: ignore[arg-type]
    return next(one for one in results if one.check_name == "fresh_endpoints")


@pytest.mark.parametrize(
    ("hours", "is_recorded", "state", "severity"),
    [
        (5.0, False, "fresh", "WARN"),
        (15.0, False, "stale", "WARN"),
        (25.0, False, "too old", "ERROR"),
        (5.0, True, "fresh", "WARN"),
        (15.0, True, "stale", "WARN"),
        (25.0, True, "too old", "WARN"),
    ],
)
def test_severity_follows_state_and_source(hours: float, is_recorded: bool, state: str, severity: str) -> None:
    result = check(hours, is_recorded=is_recorded)
    assert (result.passed, result.severity.value) == (state == "fresh", severity)
    assert result.metadata["state"].value == state


@pytest.mark.parametrize("hours", [5.0, 25.0])
def test_recordings_are_described_as_old_by_design(hours: float) -> None:
    assert str(check(hours, is_recorded=True).description).startswith(OLD_BY_DESIGN)
    assert check(hours, is_recorded=False).description is None
