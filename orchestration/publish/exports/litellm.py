"""Export for LiteLLM: current prices for `litellm.register_model`, and a configuration of its proxy.

    exports/litellm/model_prices.json     a map of prices, by `openrouter/<id>` and `openrouter/<permaslug>`
    exports/litellm/config.yaml           one deployment for each model of the newest day's ranking, with its prices

Prices are in USD per token. Prices of long prompts are `tiered_pricing`, which has every length and every price;
LiteLLM drops some fields `…_above_Nk_tokens`. Left out are ids whose cost LiteLLM would get wrong without an error:
those without a known price, with a price per request, or with prices of a time of day that depend on more than it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from orchestration.formatting import iso_timestamp
from orchestration.publish.exports.documents import as_json, as_yaml
from orchestration.publish.exports.prices import (
    Prices,
    by_name,
    by_prompt_length,
    has_expressible_hours,
    hours_of,
    is_priced,
    of_time_of_day,
)
from orchestration.publish.exports.source import ExportSource

_KEYS = {
    "input_cost_per_token": "prompt",
    "output_cost_per_token": "completion",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
}
# The end of the last range; no prompt is longer.
_NO_LIMIT = 1_000_000_000
_CURRENT = """
    select
        model_id,
        model_permaslug,
        prices,
        context_length,
        max_completion_tokens,
        output_modalities,
        list_contains(input_modalities, 'image') as has_vision,
        has_tools,
        has_structured_outputs,
        is_reasoning_capable
    from price_current
"""
_RANKED = """
    select scorecard.model_id, prices.prices
    from model_scorecard as scorecard
    inner join price_current as prices using (model_id)
    order by scorecard.rank
"""

Row = Mapping[str, Any]


def export(source: ExportSource) -> dict[str, str]:
    """The files of the export, by name."""
    return {
        "model_prices.json": as_json(model_prices(source), sort_keys=False),
        "config.yaml": f"# {source.notice}\n" + as_yaml(config(source)),
    }


def model_prices(source: ExportSource) -> dict[str, dict[str, Any]]:
    """The map of prices.

    The order is descending, because LiteLLM drops the date of a name that it does not know yet: registered after
    `gpt-4o`, the entry `gpt-4o-2024-05-13` would replace the other one.
    """
    rows = [row for row in source.rows(_CURRENT) if _is_expressible(row["prices"])]
    made = {"source": source.source_url, "citation": source.notice}
    if source.as_of:
        made["as_of"] = iso_timestamp(source.as_of)
    named = sorted(by_name(rows).items(), reverse=True)
    return {f"openrouter/{name}": _entry(row) | made for name, row in named}


def config(source: ExportSource) -> dict[str, Any]:
    """The configuration of LiteLLM's proxy. Its key comes from the environment of the proxy."""
    deployments = [
        _deployment(row["model_id"], row["prices"]) for row in source.rows(_RANKED) if _is_expressible(row["prices"])
    ]
    return {"model_list": deployments, "router_settings": {"routing_strategy": "simple-shuffle"}}


def _deployment(model_id: str, prices: Prices) -> dict[str, Any]:
    """A model with its prices among the parameters, except those of a time of day, which LiteLLM reads elsewhere."""
    key = "os.environ/OPENROUTER_API_KEY"
    parameters = {"model": f"openrouter/{model_id}", "api_key": key, **prices_of(prices)}
    hours = {name: parameters.pop(name) for name in ("off_peak_pricing",) if name in parameters}
    return {"model_name": model_id, "litellm_params": parameters, **({"model_info": hours} if hours else {})}


def _is_expressible(prices: Prices | None) -> bool:
    return prices is not None and is_priced(prices) and not prices["request"] and has_expressible_hours(prices)


def _entry(row: Row) -> dict[str, Any]:
    is_embedding = "embeddings" in (row["output_modalities"] or [])
    limits = {
        "max_input_tokens": row["context_length"],
        "max_output_tokens": row["max_completion_tokens"],
        "max_tokens": row["max_completion_tokens"],
    }
    supported = {
        "supports_function_calling": row["has_tools"],
        "supports_response_schema": row["has_structured_outputs"],
        "supports_reasoning": row["is_reasoning_capable"],
        "supports_vision": row["has_vision"],
        "supports_prompt_caching": row["prices"]["cache_read"] is not None,
    }
    return {
        "litellm_provider": "openrouter",
        "mode": "embedding" if is_embedding else "chat",
        **prices_of(row["prices"]),
        **{name: value for name, value in {**limits, **supported}.items() if value is not None},
    }


def prices_of(prices: Prices) -> dict[str, Any]:
    """The prices of a call by key; a price that is missing has none."""
    lengths = by_prompt_length(prices)
    found = _named(lengths[0][1])
    if len(lengths) > 1:
        found["tiered_pricing"] = _ranges(lengths)
    for one in of_time_of_day(prices):
        start, end = (f"{hhmm:04d}" for hhmm in hours_of(one))
        hours = f"{start[:2]}:{start[2:]}-{end[:2]}:{end[2:]}"
        found["off_peak_pricing"] = {"hours_utc": hours, **_named(one)}
    if prices["web_search"] is not None:
        sizes = ("low", "medium", "high")
        found["search_context_cost_per_query"] = {f"search_context_size_{size}": prices["web_search"] for size in sizes}
    return found


def _named(prices: Prices) -> dict[str, Any]:
    return {key: prices[name] for key, name in _KEYS.items() if prices[name] is not None}


def _ranges(lengths: Sequence[tuple[int, Prices]]) -> list[dict[str, Any]]:
    """A range contains prompts longer than its first number and at most as long as its second."""
    ends: Iterable[tuple[int, Prices]] = [*lengths, (_NO_LIMIT, {})]
    return [{"range": [start, end], **_named(in_effect)} for (start, in_effect), (end, _) in pairwise(ends)]
