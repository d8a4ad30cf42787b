"""The marts need rankings and models, with and without a key."""

import datetime as dt

import pytest

from orchestration.openrouter.essential import ESSENTIAL, is_essential, is_essential_request, reported_by
from orchestration.openrouter.surfaces import MODELS, RANKINGS, RANKINGS_EXPORT, SURFACES

WINDOW = {"period": "day", "start_date": "2026-07-01", "end_date": "2026-07-02"}
NEWEST = dt.date(2026, 11, 22)


@pytest.mark.parametrize(("has_key", "rankings"), [(True, RANKINGS), (False, RANKINGS_EXPORT)])
def test_essential_are_models_and_one_surface_of_rankings(has_key: bool, rankings: object) -> None:
    found = [surface for surface in SURFACES.values() if is_essential(surface, has_key=has_key)]
    assert found == [MODELS, rankings]


def test_essential_data_and_the_surfaces_that_report_it() -> None:
    reported = {name: reported_by(surface) for name, surface in SURFACES.items() if reported_by(surface)}
    assert reported == {"rankings": "rankings", "rankings_export": "rankings", "models": "models"}
    assert set(reported.values()) == set(ESSENTIAL)


def test_slices_are_not_essential() -> None:
    assert is_essential_request(RANKINGS, WINDOW, has_key=True)
    assert not is_essential_request(RANKINGS, WINDOW | {"category": "legal"}, has_key=True)


def test_only_the_newest_snapshot_is_essential_without_a_key() -> None:
    newest, older = {"snapshot_date": "2026-11-22"}, {"snapshot_date": "2026-11-18"}
    assert is_essential_request(RANKINGS_EXPORT, newest, has_key=False, newest_snapshot=NEWEST)
    assert not is_essential_request(RANKINGS_EXPORT, older, has_key=False, newest_snapshot=NEWEST)
    assert not is_essential_request(RANKINGS_EXPORT, newest, has_key=True, newest_snapshot=NEWEST)
    assert is_essential_request(MODELS, {"output_modalities": "all"}, has_key=False)
