"""The cost of a call in plain Python, independently of SQL, by the formula in docs/concepts.md; and prices to try."""

from decimal import Decimal, localcontext
from typing import Any

from hypothesis import strategies as st

NAMES = ("prompt", "completion", "cache_read", "cache_write", "cache_write_1h", "request", "web_search")
Prices = dict[str, Any]


def expected_cost(
    prices: Prices, prompt: int, completion: int, cached: int = 0, written: int = 0, searches: int = 0, hhmm: int = -1
) -> Decimal | None:
    """The cost in USD; None if it is unknown. `hhmm` is the UTC time, -1 if it is not given."""
    if min(prompt - cached - written, prompt, completion, cached, written, searches) < 0:
        return None
    in_effect = {name: prices[name] for name in NAMES}
    for one in prices["overrides"]:
        start, end = one["utc_start"], one["utc_end"]
        has_hours = start is not None or end is not None
        start, end = start or 0, 2400 if end is None else end
        in_hours = hhmm >= 0 and (start <= hhmm < end if start <= end else hhmm >= start or hhmm < end)
        is_long = one["min_prompt_tokens"] is None or prompt > one["min_prompt_tokens"]
        if is_long and (in_hours or not has_hours):
            in_effect |= {name: one[name] for name in NAMES if one[name] is not None}
    cache = {name: in_effect[name] if in_effect[name] is not None else in_effect["prompt"] for name in NAMES[2:4]}
    amounts = (
        (prompt - cached - written, in_effect["prompt"]),
        (cached, cache["cache_read"]),
        (written, cache["cache_write"]),
        (completion, in_effect["completion"]),
        (searches, in_effect["web_search"]),
    )
    if any(number and price is None for number, price in amounts):
        return None
    with localcontext(prec=60):  # more than a DECIMAL(38, 24)
        return sum((number * price for number, price in amounts if number), in_effect["request"] or Decimal(0))


decimal_prices = st.none() | st.decimals(min_value=0, max_value=1, places=24, allow_nan=False)
price_lists = st.fixed_dictionaries(dict.fromkeys(NAMES, decimal_prices))
conditions = st.fixed_dictionaries(
    {
        "min_prompt_tokens": st.none() | st.sampled_from([32_000, 128_000, 200_000]),
        "utc_start": st.none() | st.sampled_from([0, 30, 1630]),
        "utc_end": st.none() | st.sampled_from([30, 1630, 2400]),
    }
)
overridden = st.tuples(conditions, price_lists).map(lambda pair: pair[0] | pair[1])
tokens = st.sampled_from([0, 1, 31_999, 32_000, 32_001, 128_000, 200_001, 1_000_000])


def as_published(base: Prices, overrides: list[Prices]) -> Prices | None:
    """A value of the column `prices`: by prompt length, then by hours, nulls last. Null if a condition is unknown."""
    names = ("min_prompt_tokens", "utc_start", "utc_end")
    if any(all(one[name] is None for name in names) for one in overrides):
        return None
    return base | {
        "overrides": sorted(overrides, key=lambda one: [(one[name] is None, one[name] or 0) for name in names])
    }
