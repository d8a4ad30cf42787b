"""The export for genai-prices, computed by that library itself, against the macro cost_usd."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from conftest import Run
from genai_prices import Usage, calc_price, types
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.publish.exports import genai_prices
from orchestration.publish.exports.source import ExportSource

MAX_RELATIVE_ERROR = Decimal("1e-12")
# The prices at the end of each day on which they changed.
DAYS = """
    select model_id, model_permaslug, cast(valid_from as date) as date, prices
    from price_history
    where model_id in (select unnest($models))
    qualify row_number() over (partition by model_id, date order by valid_from desc) = 1
    order by model_id, date
"""
# Calls below, at and above each length at which the price of a prompt changes, without and with cached tokens.
CALLS = """
    with lengths as (
        select distinct unnest(prices.overrides).min_prompt_tokens as length from price_history
        union select 1000
    )
    select length + step as prompt, case when is_cached then length // 2 else 0 end as cached
    from lengths, (values (-1), (0), (1)) as steps (step), (values (false), (true)) as cache (is_cached)
    where length is not null
"""


class Oracle:
    """The library with our data instead of its own."""

    def __init__(self, document: list[dict[str, Any]]) -> None:
        self.models = {model["id"]: model for model in document[0]["models"]}
        providers = types._providers_from_raw(document)
        set_custom_snapshot(DataSnapshot(providers=providers, from_auto_update=False))

    def cost(
        self, model: str, day: dt.date, prompt: int, completion: int, cached: int = 0, written: int = 0
    ) -> Decimal:
        usage = Usage(
            input_tokens=prompt,
            output_tokens=completion,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        )
        noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
        return calc_price(usage, model, provider_id="openrouter", genai_request_timestamp=noon).total_price


@pytest.fixture(scope="module")
def connection(everything: Run) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(everything.published), read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def oracle(connection: duckdb.DuckDBPyConnection) -> Iterator[Oracle]:
    text = genai_prices.export(ExportSource.of(connection))["data.json"]
    yield Oracle(json.loads(text, parse_float=Decimal))
    set_custom_snapshot(None)


def differs(ours: Decimal, theirs: Decimal) -> bool:
    return abs(ours - theirs) > MAX_RELATIVE_ERROR * max(abs(ours), abs(theirs))


def test_every_priced_id_has_an_entry(connection: duckdb.DuckDBPyConnection, oracle: Oracle) -> None:
    priced = {
        model
        for (model,) in connection.execute(
            "select model_id from price_current where prices.prompt is not null and prices.completion is not null"
        ).fetchall()
    }
    assert priced <= set(oracle.models)
    dynamic = {
        model for (model,) in connection.execute("select model_id from price_current where is_dynamic").fetchall()
    }
    assert dynamic
    assert not dynamic & set(oracle.models)


def test_library_computes_the_cost_at_every_price_and_length(
    connection: duckdb.DuckDBPyConnection, oracle: Oracle
) -> None:
    rows = connection.execute(
        f"""
        select days.model_id, date, prompt, cached, cost_usd(prices, prompt, 777, cached_tokens := cached)
        from ({DAYS}) as days, ({CALLS}) as calls
        where prompt < 2000 or len(prices.overrides) > 0
        """,
        {"models": list(oracle.models)},
    ).fetchall()
    wrong = [
        (model, day, prompt, cached, ours, theirs)
        for model, day, prompt, cached, ours in rows
        if ours is not None and differs(ours, theirs := oracle.cost(model, day, prompt, 777, cached))
    ]
    assert wrong == []
    assert len(rows) > 10 * len(oracle.models)
    assert len({prompt for _, _, prompt, _, _ in rows}) > 3


def test_library_agrees_on_random_calls(connection: duckdb.DuckDBPyConnection, oracle: Oracle) -> None:
    rows = connection.execute(DAYS, {"models": list(oracle.models)}).fetchall()

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(rows), st.integers(0, 2_000_000), st.integers(0, 100_000), st.floats(0, 1), st.floats(0, 1))
    def agrees(row: tuple, prompt: int, completion: int, cached_share: float, written_share: float) -> None:
        model, _, day, _ = row
        cached = int(prompt * cached_share)
        written = int((prompt - cached) * written_share)
        cost = f"cost_usd(prices, {prompt}, {completion}, cached_tokens := {cached}, cache_written_tokens := {written})"
        [(ours,)] = connection.execute(
            f"select {cost} from price_on(?, ?) where model_id = ?", [model, day, model]
        ).fetchall()
        assert ours is not None
        assert not differs(ours, oracle.cost(model, day, prompt, completion, cached, written))

    agrees()


def test_slug_costs_as_much_as_its_id(connection: duckdb.DuckDBPyConnection, oracle: Oracle) -> None:
    """Dated slugs are what a response names."""
    rows = connection.execute(
        "select min(model_id), model_permaslug from price_current where model_permaslug is not null "
        "group by model_permaslug having count(*) = 1 and min(model_id) in (select unnest($models))",
        {"models": list(oracle.models)},
    ).fetchall()
    day = dt.date(2026, 8, 6)
    assert [one for one in rows if oracle.cost(one[0], day, 9, 9) != oracle.cost(one[1], day, 9, 9)] == []
    assert sum(model != slug for model, slug in rows) > 50
