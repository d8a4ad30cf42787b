"""The options that describe a call, and its cost in words: what `price` and `find` share."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.clock import MAX_YEAR, MIN_YEAR
from orchestration.errors import SettingsError

if TYPE_CHECKING:
    from orchestration.access.prices import Call

_COST_DECIMALS = 6
_MAX_TOKENS = 10**12

Prompt = Annotated[
    int, typer.Option(metavar="N", min=0, max=_MAX_TOKENS, help="Prompt tokens, with cached and cache-written ones.")
]
Completion = Annotated[
    int, typer.Option(metavar="N", min=0, max=_MAX_TOKENS, help="Completion tokens, with reasoning.")
]
Cached = Annotated[int, typer.Option(metavar="N", min=0, max=_MAX_TOKENS, help="Prompt tokens read from the cache.")]
CacheWritten = Annotated[
    int, typer.Option("--cache-written", metavar="N", min=0, max=_MAX_TOKENS, help="Tokens written to the cache.")
]
Searches = Annotated[int, typer.Option(metavar="N", min=0, max=_MAX_TOKENS, help="Web searches.")]
Time = Annotated[
    str, typer.Option("--time", metavar="HH:MM", help="Time of the call (UTC), for prices of a time of day.")
]


def parse_call(prompt: int, completion: int, cached: int, cache_written: int, searches: int, time: str) -> Call:
    """The call. Raises SettingsError for a time that is none, and as Call does."""
    from orchestration.access.prices import Call

    try:
        moment = dt.time.fromisoformat(time) if time else None
    except ValueError:
        raise SettingsError(f"--time: {time!r} is not a valid time; use HH:MM in UTC, such as 16:30.") from None
    return Call(prompt, completion, cached, cache_written, searches, moment)


def parse_day(day: str) -> dt.date | None:
    """The day; None for an empty text. Raises SettingsError if it is none."""
    if not day:
        return None
    with suppress(ValueError):
        found = dt.date.fromisoformat(day)
        if MIN_YEAR <= found.year <= MAX_YEAR:
            return found
    raise SettingsError(f"--at: {day!r} is not a valid day; use YYYY-MM-DD, such as 2026-08-06.")


def call_in_words(call: Call) -> str:
    """50,000 prompt tokens (40,000 cached), 2,000 completion tokens."""
    parts = [(call.cached, "cached"), (call.cache_written, "written to the cache")]
    detail = ", ".join(f"{number:,} {what}" for number, what in parts if number)
    words = [f"{call.prompt:,} prompt tokens" + (f" ({detail})" if detail else "")]
    words.append(f"{call.completion:,} completion tokens")
    if call.searches:
        words.append(f"{call.searches:,} search{'es' if call.searches > 1 else ''}")
    if call.time:
        words.append(f"at {call.time:%H:%M} UTC")
    return ", ".join(words)


def parts_in_words(call: Call, input_cost: Decimal | None, output_cost: Decimal | None) -> str:
    """input $0.15, output $0.03; searches are paid beside the output."""
    output = "output and searches" if call.searches else "output"
    return f"input {cost_in_words(input_cost)}, {output} {cost_in_words(output_cost)}"


def cost_in_words(cost: Decimal | None) -> str:
    """A cost in USD, cut after six decimals as the source charges it: $0.072; under that, two significant digits."""
    if cost is None:
        return "unknown"
    if 0 < cost < Decimal(1).scaleb(-_COST_DECIMALS):
        return f"${cost:.1e}"
    cut = int(cost.scaleb(_COST_DECIMALS)) / Decimal(10) ** _COST_DECIMALS
    text = f"{cut:,.{_COST_DECIMALS}f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"
