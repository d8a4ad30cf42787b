"""A value of the column `prices`, as the exports read it: which prices a call has by its length and time of day.

How the formats of other tools write them does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Prices = Mapping[str, Any]
_CONDITIONS = ("min_prompt_tokens", "utc_start", "utc_end")


def is_priced(prices: Prices | None) -> bool:
    """Whether input and output have a known price."""
    return prices is not None and prices["prompt"] is not None and prices["completion"] is not None


def of_time_of_day(prices: Prices) -> list[Prices]:
    """The overrides that apply at a time of day (UTC), whatever the length of the prompt."""
    return [one for one in prices["overrides"] if one["utc_start"] is not None or one["utc_end"] is not None]


def by_prompt_length(prices: Prices) -> list[tuple[int, dict[str, Any]]]:
    """(length, prices in effect for prompts that are longer), from 0, each length once.

    Prices of a time of day do not count.

    Without a price for the cache, its tokens have the price of other prompt tokens, if any length has one.
    """
    tiers = [
        one for one in prices["overrides"] if one["min_prompt_tokens"] is not None and one not in of_time_of_day(prices)
    ]
    in_effect = {name: price for name, price in prices.items() if name != "overrides"}
    in_effect_above = {0: in_effect}
    for tier in tiers:
        named = {name: price for name, price in tier.items() if name not in _CONDITIONS and price is not None}
        in_effect = in_effect | named
        in_effect_above[tier["min_prompt_tokens"]] = in_effect
    found = list(in_effect_above.items())
    for name in ("cache_read", "cache_write", "cache_write_1h"):
        if any(at_length[name] is not None for _, at_length in found):
            for _, at_length in found:
                if at_length[name] is None:
                    at_length[name] = at_length["prompt"]
    return found
