"""Export for Langfuse: the current price of every id, as bodies for its API.

    exports/langfuse/models.json      a list of bodies for POST /api/public/models

Prices are in USD per token. A tier sums all prompt tokens, cached and written ones included, because OpenRouter counts
them all. Left out are ids whose cost Langfuse would get wrong: those without a known price, with a price per request,
or with prices of a time of day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestration.formatting import iso_timestamp
from orchestration.publish.exports.documents import as_json
from orchestration.publish.exports.prices import Prices, by_name, by_prompt_length, is_priced, of_time_of_day
from orchestration.publish.exports.source import ExportSource

# Usage type → our price. SDKs and gateways use several names for the same tokens, and each must have a price.
_KEYS = {
    "input": "prompt",
    "input_tokens": "prompt",
    "output": "completion",
    "output_tokens": "completion",
    "output_reasoning": "completion",
    "output_reasoning_tokens": "completion",
    "input_cached_tokens": "cache_read",
    "input_cache_read": "cache_read",
    "cache_read_input_tokens": "cache_read",
    "input_cache_creation": "cache_write",
    "input_cache_creation_5m": "cache_write",
    "input_cache_creation_1h": "cache_write_1h",
    "input_cache_write_tokens": "cache_write",
    "cache_creation_input_tokens": "cache_write",
}
# The pattern matches every usage type of prompt tokens, and none of completion tokens.
_LONGER = {"usageDetailPattern": "input", "operator": "gt", "caseSensitive": False}
_CURRENT = """
    select model_id, model_permaslug, prices, as_of
    from price_current
    where prices is not null
    order by model_id
"""

Row = Mapping[str, Any]


def export(source: ExportSource) -> dict[str, str]:
    """The files of the export, by name."""
    return {"models.json": as_json(models(source))}


def _basis(row: Row, is_simulated: bool) -> str:
    """Begins the name of each tier, the only text of a body that can say what its prices are."""
    return f"{'SIMULATED' if is_simulated else 'OpenRouter'} list price as of {iso_timestamp(row['as_of'])}"


def models(source: ExportSource) -> list[dict[str, Any]]:
    """A body for each id."""
    rows = [row for row in source.rows(_CURRENT) if _is_expressible(row["prices"])]
    meant = by_name(rows)
    found = []
    for row in rows:
        names = [name for name in dict.fromkeys((row["model_id"], row["model_permaslug"])) if meant.get(name) is row]
        found.append(_body(row, names, _basis(row, source.is_simulated)))
    return found


def _is_expressible(prices: Prices) -> bool:
    return is_priced(prices) and not prices["request"] and not of_time_of_day(prices)


def _body(row: Row, names: list[str], basis: str) -> dict[str, Any]:
    alternatives = "|".join(re.escape(name).replace(r"\-", "-") for name in names)
    return {
        "modelName": row["model_id"],
        "matchPattern": f"(?i)^(openrouter/)?({alternatives})$",
        "startDate": iso_timestamp(row["as_of"]),
        "unit": "TOKENS",
        "pricingTiers": _tiers(row["prices"], basis),
    }


def _tiers(prices: Prices, basis: str) -> list[dict[str, Any]]:
    """The default tier, and one for each prompt length, the longest first; all have the same keys."""
    (_, base), *longer = by_prompt_length(prices)
    default = {"name": basis, "isDefault": True, "priority": 0, "conditions": [], "prices": _named(base)}
    return [
        default,
        *(
            {
                "name": f"{basis}, prompts over {length} tokens",
                "isDefault": False,
                "priority": priority,
                "conditions": [_LONGER | {"value": length}],
                "prices": _named(in_effect),
            }
            for priority, (length, in_effect) in enumerate(reversed(longer), 1)
        ),
    ]


def _named(prices: Prices) -> dict[str, Any]:
    """Every usage type that may arrive; without a price for the cache, its tokens cost as much as others."""
    named = {name: prices["prompt"] if prices[name] is None else prices[name] for name in ("cache_read", "cache_write")}
    named["cache_write_1h"] = named["cache_write"] if prices["cache_write_1h"] is None else prices["cache_write_1h"]
    return {key: named.get(name, prices[name]) for key, name in _KEYS.items()}
