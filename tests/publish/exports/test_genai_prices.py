"""The export for genai-prices, computed by that library itself, against the macro cost_usd."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from conftest import Run
from cost_formula import Prices, as_published, expected_cost, overridden, price_lists, tokens
from genai_oracle import Oracle, differs
from hypothesis import given, settings
from hypothesis import strategies as st
from small_release import CALLS as SMALL_CALLS
from small_release import MODELS, PAST, TIERED, as_decimals, small_release

from orchestration.publish.exports import genai_prices
from orchestration.publish.exports.source import ExportSource

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


@pytest.fixture(scope="module")
def connection(everything: Run) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(everything.published), read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def oracle(connection: duckdb.DuckDBPyConnection) -> Oracle:
    return Oracle(exported(connection))


def exported(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return json.loads(genai_prices.export(ExportSource.of(connection))["data.json"], parse_float=Decimal)


@pytest.mark.usefixtures("all_recordings")  # the sample has no dynamic prices
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


TODAY = dt.date(2026, 8, 6)
UNPRICED = {"acme/dynamic", "acme/unknown"}
# (name, day) → the prices then; None if the export must not have the name.
LISTED: dict[tuple[str, dt.date], Prices | None] = {
    **{
        (name, TODAY): None if model in UNPRICED else listed
        for model, (slug, listed) in MODELS.items()
        for name in (model, slug)
    },
    **{("acme/plain", dt.date(2026, 7, day)): TIERED for day in (1, 31)},
    # Before an id became the permaslug of another one, its own prices; after it, those of the other one.
    ("acme/former", dt.date(2026, 2, 1)): PAST[1][2],
    ("acme/former", dt.date(2026, 3, 1)): PAST[2][2],
    ("acme/former", TODAY): PAST[3][2],
    ("acme/renamed", TODAY): PAST[3][2],
}


def wrong_costs(document: list[dict[str, Any]]) -> list[str]:
    """Names and days on which a call costs other than by the formula, or that are missing or should be."""
    found = []
    oracle = Oracle(document)
    for (name, day), listed in LISTED.items():
        for call in SMALL_CALLS:
            expected = expected_cost(as_decimals(listed), *call, hhmm=1200) if listed else None
            try:
                cost = oracle.cost(name, day, *call)
            except LookupError:
                cost = None
            except ValueError as error:  # a price that the library refuses
                found.append(f"{name} {day} {call}: {error}")
                continue
            if (cost is None) != (expected is None) or (expected is not None and differs(expected, cost)):
                found.append(f"{name} {day} {call}: {cost}, not {expected}")
    return found


@pytest.fixture
def small_document() -> list[dict[str, Any]]:
    with small_release() as connection:
        return exported(connection)


def test_small_release_costs_what_the_formula_says(small_document: list[dict[str, Any]]) -> None:
    assert wrong_costs(small_document) == []


def first_prices(document: list[dict[str, Any]], model: str) -> dict[str, Any]:
    [found] = [one for one in document[0]["models"] if one["id"] == model]
    return found["prices"][0]["prices"]


def multiply(prices: dict[str, Any], key: str, factor: Decimal) -> None:
    prices[key] *= factor


def let_through(document: list[dict[str, Any]]) -> None:
    entry = {"id": "acme/dynamic", "match": {"equals": "acme/dynamic"}, "prices": {"input_mtok": -1, "output_mtok": 9}}
    document[0]["models"].append(entry)


def without(document: list[dict[str, Any]], part: Callable[[dict[str, Any]], bool]) -> None:
    """Removes the prices of which it is true."""
    for entry in document[0]["models"]:
        entry["prices"] = [one for one in entry["prices"] if not part(one)]


MUTATIONS: dict[str, Callable[[list[dict[str, Any]]], None]] = {
    "cache price ten times too high": lambda document: multiply(
        first_prices(document, "~acme/plain-latest"), "cache_read_mtok", Decimal(10)
    ),
    "price per token": lambda document: multiply(
        first_prices(document, "acme/plain-pro"), "input_mtok", Decimal("1e-6")
    ),
    "tier lost": lambda document: first_prices(document, "acme/two.tiers")["input_mtok"]["tiers"].pop(),
    "-1 let through": let_through,
    "free and paid merged": lambda document: first_prices(document, "acme/plain-pro").update(
        first_prices(document, "acme/plain:free")
    ),
    "history lost": lambda document: without(document, lambda one: "start_date" in one.get("constraint", {})),
    "name lost": lambda document: document[0]["models"].pop(),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_wrong_history_is_noticed(small_document: list[dict[str, Any]], mutation: str) -> None:
    MUTATIONS[mutation](small_document)
    assert wrong_costs(small_document)


def test_library_agrees_on_any_conditions() -> None:
    """With any mixture of prompt lengths and hours, an id costs what the formula says, or is left out."""
    with small_release() as connection:

        @settings(max_examples=200, deadline=None)
        @given(price_lists, st.lists(overridden, max_size=3), st.tuples(*[tokens] * 5), st.times())
        def agrees(base: Prices, overrides: list[Prices], call: tuple[int, ...], time: dt.time) -> None:
            listed = as_published(base, overrides)
            connection.execute("delete from price_history")
            connection.execute("insert into price_history values ('a/b', 'a/b', ?, ?, ?)", [listed, TODAY, TODAY])
            oracle = Oracle(exported(connection))
            if "a/b" not in oracle.models:
                has_hours = any(one["utc_start"] is not None or one["utc_end"] is not None for one in overrides)
                assert has_hours or listed is None or None in (base["prompt"], base["completion"])
                return
            expected = expected_cost(listed, *call, hhmm=100 * time.hour + time.minute)
            if expected is not None:
                assert not differs(expected, oracle.cost("a/b", TODAY, *call, time=time))

        agrees()
