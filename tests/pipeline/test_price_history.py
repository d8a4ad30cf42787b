"""Prices that a reader must be able to rely on: those of the past stay, and a mistake of the source is reported."""

from collections.abc import Iterator

import pytest
from conftest import Run
from in_memory import Built, Compiled

from orchestration.openrouter.schemas import PRICES

pytestmark = pytest.mark.xdist_group("price_history")

MODEL = "anthropic/claude-sonnet-4.5"
PLAUSIBLE = "assert_current_prices_are_plausible"
PRICE_THEN = f"""
    select prices from marts.price_history
    where model_id = '{MODEL}' and valid_from <= timestamp '2026-06-24 12:00'
        and coalesce(valid_to, timestamp '9999-01-01') > timestamp '2026-06-24 12:00'
"""


@pytest.fixture(scope="module")
def built(few_run: Run) -> Iterator[Built]:
    """The warehouse of a run; each test takes its changes back."""
    with Compiled(few_run.data).copy_with_rows() as warehouse:
        yield warehouse


def problems(built: Built) -> list[tuple[str, str]]:
    return built.query(f"select model_id, problem from ({built.warning(PLAUSIBLE)})")


def test_cache_price_above_input_is_reported(built: Built) -> None:
    assert problems(built) == []
    change = f"update raw.models set pricing_input_cache_read = pricing_prompt * 10 where id = '{MODEL}'"
    with built.changed("models", change):
        assert problems(built) == [(MODEL, "cached input costs more")]


def test_unknown_condition_is_reported_and_has_no_cost(built: Built) -> None:
    """An override with a condition of a later version of the API."""
    override = (
        "[{'min_prompt_tokens': null, 'utc_start': null, 'utc_end': null, "
        + ", ".join(f"'{name}': null" for name in PRICES)
        + """, 'extra': '{"weekday": 6}'}]"""
    )
    with built.changed("models", f"update raw.models set pricing_overrides = {override} where id = '{MODEL}'"):
        assert problems(built) == [(MODEL, "an override has an unknown condition")]
        assert built.query(f"select prices from marts.price_current where model_id = '{MODEL}'") == [(None,)]


def test_later_list_does_not_change_a_past_price(built: Built) -> None:
    before = built.query(PRICE_THEN)
    assert before
    assert before[0][0]["prompt"] > 0
    rows = "from raw.{} where {} as_of = (select max(as_of) from raw.models)"
    moved = "'later' as raw_file, as_of + interval 30 day as as_of, fetched_at + interval 30 day as fetched_at"
    price = "pricing_prompt * 2 as pricing_prompt"
    later = f"insert into raw.models by name select * replace ({moved}, {price}) {rows.format('models', '')}"
    of_models = rows.format("responses", "surface = 'models' and")
    response = f"insert into raw.responses by name select * replace ({moved}) {of_models}"
    with built.changed("models", response, later):
        [(current,)] = built.query(f"select prices from marts.price_current where model_id = '{MODEL}'")
        assert current["prompt"] == 2 * before[0][0]["prompt"]
        assert built.query(PRICE_THEN) == before
