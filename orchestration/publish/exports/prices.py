"""Rows of `price_current` and values of its column `prices`, as the exports read them.

Which row a name means, and which prices a call has by its length and time of day.

How the formats of other tools write them does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Prices = Mapping[str, Any]
_CONDITIONS = ("min_prompt_tokens", "utc_start", "utc_end")


def by_name(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Id or permaslug → the row that it means.

    A permaslug that several ids share means the one that is not an alias, whose id starts with ~; an id precedes it.
    """
    ordered = sorted(rows, key=lambda row: (not row["model_id"].startswith("~"), row["model_id"]))
    return {row[column]: row for column in ("model_permaslug", "model_id") for row in ordered if row[column]}


def is_priced(prices: Prices | None) -> bool:
    """Whether input and output have a known price."""
    return prices is not None and prices["prompt"] is not None and prices["completion"] is not None


def of_time_of_day(prices: Prices) -> list[Prices]:
    """The overrides that apply at a time of day (UTC), whatever the length of the prompt."""
    return [one for one in prices["overrides"] if one["utc_start"] is not None or one["utc_end"] is not None]


def has_expressible_hours(prices: Prices) -> bool:
    """Whether the prices have no time of day, or one only: a range of hours, which nothing else depends on.

    The formats combine several ranges, or hours and lengths of a prompt, by rules that are not OpenRouter's.
    """
    if not of_time_of_day(prices):
        return True
    [first, *others] = prices["overrides"]
    start, end = hours_of(first)
    return not others and first["min_prompt_tokens"] is None and start != end


def hours_of(override: Prices) -> tuple[int, int]:
    """Start and end of the time of day (UTC) as HHMM below 2400; an end at 0 is the end of the day."""
    return (override["utc_start"] or 0) % 2400, (override["utc_end"] or 0) % 2400


def by_prompt_length(prices: Prices) -> list[tuple[int, dict[str, Any]]]:
    """(length, prices in effect for prompts that are longer), from 0, each length once.

    Prices of a time of day do not count.

    Without a price for the cache, its tokens have the price of other prompt tokens, if any length has one. So do those
    written for five minutes, if only those written for an hour have one, because genai-prices needs both.
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
    for name, priced in (
        ("cache_read", {"cache_read"}),
        ("cache_write", {"cache_write", "cache_write_1h"}),
        ("cache_write_1h", {"cache_write_1h"}),
    ):
        if any(at_length[one] is not None for _, at_length in found for one in priced):
            for _, at_length in found:
                if at_length[name] is None:
                    at_length[name] = at_length["prompt"]
    return found
