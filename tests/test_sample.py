"""The sample is what its script makes, contains only the facts it may, and gives the figures of the recordings."""

import gzip
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

from orchestration.folders import SAMPLE_DIR

MAX_BYTES = 2_000_000
# What may be shipped, stated here again so that a change of the script alone does not pass.
TOKEN_PRICES = {
    "prompt", "completion", "input_cache_read", "input_cache_write", "input_cache_write_1h", "internal_reasoning",
}  # fmt: skip
OVERRIDE_CONDITIONS = {"min_prompt_tokens", "utc_start", "utc_end"}
ALLOWED = {
    "rankings-daily": {"date", "model_permaslug", "total_tokens"},
    "app-rankings": {"rank", "app_id", "app_name", "total_tokens", "total_requests"},
    "models": {"id", "canonical_slug", "name", "created", "context_length", "pricing"},
}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.gz")}


def bodies(surface: str) -> Iterator[tuple[str, Any]]:
    for path in sorted((SAMPLE_DIR / surface).iterdir()):
        yield path.name, json.loads(gzip.decompress(path.read_bytes()))


def test_script_makes_the_sample_byte_for_byte(all_recordings: Path, tmp_path: Path) -> None:
    runpy.run_path(str(SAMPLE_DIR / "make_sample.py"))["make_sample"](all_recordings, tmp_path)
    made, shipped = files(tmp_path), files(SAMPLE_DIR)
    assert made.keys() == shipped.keys()
    assert [name for name, content in shipped.items() if made[name] != content] == []


def test_sample_has_only_what_its_licence_lists() -> None:
    found = {path.name for path in SAMPLE_DIR.iterdir() if path.name != "__pycache__"}
    assert found == {*ALLOWED, "LICENSE-DATA.md", "make_sample.py"}


@pytest.mark.parametrize("surface", ALLOWED)
def test_sample_has_only_allowed_fields(surface: str) -> None:
    for name, body in bodies(surface):
        assert body.keys() == ({"data"} if surface == "models" else {"data", "meta"}), name
        assert body.get("meta", {}).keys() <= {"as_of", "version", "start_date", "end_date"}, name
        assert set().union(*body["data"]) <= ALLOWED[surface], name


def test_sample_has_token_prices_only() -> None:
    for name, body in bodies("models"):
        for model in body["data"]:
            assert model["pricing"].keys() <= TOKEN_PRICES | {"overrides"}, (name, model["id"])
            for override in model["pricing"].get("overrides", []):
                assert override.keys() <= TOKEN_PRICES | OVERRIDE_CONDITIONS, (name, model["id"])


def test_sample_has_only_models_of_its_rankings() -> None:
    ranked = {row["model_permaslug"] for _, body in bodies("rankings-daily") for row in body["data"]}
    listed: dict[str, set[str]] = {}
    for _, body in bodies("models"):
        for model in body["data"]:
            variant = "".join(model["id"].partition(":")[1:])
            listed.setdefault(model["id"], set()).add(f"{model.get('canonical_slug')}{variant}")
    assert [one for one, slugs in listed.items() if not slugs & ranked] == []


def test_sample_is_small() -> None:
    assert sum(map(len, files(SAMPLE_DIR).values())) < MAX_BYTES


def test_run_of_the_sample_has_nothing_suspect(sampled: Run) -> None:
    assert sampled.query("select * from coverage where is_suspect") == []
    days = "select count(distinct period_start) from share_model where period = 'day'"
    assert sampled.query(days) == [(76,)]
    assert sampled.query("select count(distinct date) > 5 from restatement") == [(True,)]
    assert sampled.query("select distinct period from share_app order by all") == [("day",), ("month",), ("week",)]


@pytest.mark.usefixtures("all_recordings")
def test_figures_of_the_sample_are_those_of_all_recordings(everything: Run, sampled: Run) -> None:
    """Shares, prices and implied spend of each day; the price of a day depends on the lists before and after it."""
    for sql in (
        "select period, period_start, model_permaslug, tokens, tokens_high, share from share_model",
        "select period, period_start, segment_type, segment, share from share_segment "
        "where segment_type <> 'reasoning'",
        "select period_start, app_id, share from share_app",
        "select period_start, model_permaslug, price_basis, price_as_of, prompt_usd_per_mtok, completion_usd_per_mtok, "
        "cache_read_usd_per_mtok, spend_low, spend_high from spend_model where period = 'day'",
    ):
        ours, theirs = sampled.query(f"{sql} order by all"), everything.query(f"{sql} order by all")
        assert len(ours) == len(theirs) > 0
        assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]][:3] == []
