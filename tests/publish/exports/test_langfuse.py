"""The export of a real release for Langfuse: by its rules, a call costs what cost_usd says."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from conftest import Run

from orchestration.publish.exports import langfuse
from orchestration.publish.exports.source import ExportSource

Body = dict[str, Any]
REASONING_TOKENS = 500
# The keys that clients send for uncached, read and written prompt tokens, and for answer and reasoning.
DIALECTS = (
    ("input", "input_cached_tokens", "input_cache_write_tokens", "output", "output_reasoning_tokens"),
    ("input", "input_cache_read", "input_cache_creation", "output", "output_reasoning"),
    ("input", "input_cache_read", "input_cache_creation_5m", "output", "output_reasoning"),
    ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens", "output_reasoning"),
)
# Every model with calls around each length at which a price changes, without and with tokens of the cache.
CALLS = """
    with lengths as (
        select distinct unnest(prices.overrides).min_prompt_tokens as length from price_current
        union select 2006
    )
    select
        model_id, model_permaslug, prompt, cached, written, 777 as completion,
        cost_usd(prices, prompt, completion, cached_tokens := cached, cache_written_tokens := written) as cost,
        cost >= 0 and coalesce(prices.request, 0) = 0
        and len(list_filter(prices.overrides, lambda o: o.utc_start is not null)) = 0 as is_expressible
    from price_current,
    (
        select length + step as prompt, prompt * cached_pct // 100 as cached, prompt * written_pct // 100 as written
        from lengths, (values (-1), (0), (1)) as steps (step),
        (values (0, 0), (90, 5)) as cache (cached_pct, written_pct)
        where length is not null
    ) as calls
"""


@pytest.fixture(scope="module")
def connection(everything: Run) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(everything.published), read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def bodies(connection: duckdb.DuckDBPyConnection) -> list[Body]:
    return json.loads(langfuse.export(ExportSource.of(connection))["models.json"], parse_float=Decimal)


def langfuse_cost(body: Body, counts: Mapping[str, int]) -> Decimal:
    """The first conditional tier by priority whose conditions all hold, or else the default; an unknown key is free."""

    def holds(condition: Mapping[str, Any]) -> bool:
        assert (condition["operator"], condition["caseSensitive"]) == ("gt", False)
        pattern = re.compile(condition["usageDetailPattern"], re.IGNORECASE)
        return sum(count for key, count in counts.items() if pattern.search(key)) > condition["value"]

    conditional = sorted((one for one in body["pricingTiers"] if not one["isDefault"]), key=lambda one: one["priority"])
    [default] = [one for one in body["pricingTiers"] if one["isDefault"]]
    tier = next((one for one in conditional if all(map(holds, one["conditions"]))), default)
    return sum((count * tier["prices"].get(key, 0) for key, count in counts.items()), Decimal(0))


def test_every_call_costs_the_same_in_every_dialect(connection: duckdb.DuckDBPyConnection, bodies: list[Body]) -> None:
    """Cached and written tokens are inside the prompt and count for the tier; reasoning is inside the answer."""
    rows = connection.execute(CALLS).fetchall()
    matching = {
        name: [body for body in bodies if re.search(body["matchPattern"], name)]
        for row in rows
        for name in row[:2]
        if name
    }
    wrong = []
    for model, slug, prompt, cached, written, completion, cost, is_expressible in rows:
        parts = (prompt - cached - written, cached, written, completion - REASONING_TOKENS, REASONING_TOKENS)
        for dialect in DIALECTS:
            counts = dict(zip(dialect, parts, strict=True))
            for name in filter(None, (model, slug)):
                found = [langfuse_cost(body, counts) for body in matching[name]]
                if found != ([cost] if is_expressible else []):
                    wrong.append((name, counts, found, cost))
    assert wrong == []
    assert len({len(body["pricingTiers"]) for body in bodies}) > 1
