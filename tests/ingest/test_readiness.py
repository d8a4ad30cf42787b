"""Nothing is built if the marts would lack rankings or models."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from orchestration.errors import ResponseError
from orchestration.ingest.load import LoadResult
from orchestration.ingest.readiness import MAX_PROBLEMS_SHOWN, check_readiness
from orchestration.ingest.sources import Live
from orchestration.openrouter.client import Client
from orchestration.openrouter.surfaces import MODELS, PROVIDERS, RANKINGS, RANKINGS_EXPORT, Surface
from orchestration.storage.lake import Lake, Provenance

MOMENT = dt.datetime(2026, 7, 3, tzinfo=dt.UTC)


def lake_with(folder: Path, *surfaces: Surface) -> Lake:
    lake = Lake(folder / "raw")
    for surface in surfaces:
        provenance = Provenance(MOMENT, MOMENT, "https://a", "https://a", "", "", surface.name, 1)
        lake.write(surface.name, pa.table({"id": [1]}), provenance)
    return lake


def check(surface: Surface, lake: Lake, result: LoadResult | None = None, *, includes_rankings: bool = True) -> Any:
    """The check after loading a surface from a live source without a key."""
    source = Live(Client(), lake)
    return check_readiness(surface, source, lake, result or LoadResult(), includes_rankings=includes_rankings)


def test_fatal_problems_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    result = LoadResult(fatal_problems=[f"problem {number}" for number in range(MAX_PROBLEMS_SHOWN + 2)])
    with pytest.raises(ResponseError) as error:
        check(PROVIDERS, lake_with(tmp_path, MODELS, RANKINGS), result)
    lines = str(error.value).splitlines()
    assert lines[0] == "problem 0"
    assert lines[-2:] == ["… and 2 more.", "Nothing is built without providers. Fix the cause, and run again."]
    assert len(lines) == MAX_PROBLEMS_SHOWN + 2


def test_essential_surface_without_responses_fails(tmp_path: Path) -> None:
    with pytest.raises(ResponseError, match=r"no response of /models, and the lake holds none.*release is unchanged"):
        check(MODELS, lake_with(tmp_path, RANKINGS_EXPORT))
    with pytest.raises(ResponseError, match="no response of /datasets/rankings-daily"):
        check(RANKINGS_EXPORT, lake_with(tmp_path / "other", MODELS))


@pytest.mark.parametrize("rankings", [RANKINGS, RANKINGS_EXPORT])
def test_either_surface_of_the_rankings_is_enough(tmp_path: Path, rankings: Surface) -> None:
    lake = lake_with(tmp_path, rankings)
    check(RANKINGS_EXPORT, lake)
    check(PROVIDERS, lake, includes_rankings=False)


def test_run_without_rankings_needs_them_in_the_lake(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, MODELS)
    check(MODELS, lake)
    with pytest.raises(ResponseError, match="holds no rankings yet, and this run does not fetch them"):
        check(MODELS, lake, includes_rankings=False)
