"""The library genai-prices with the prices of an export, as an independent way to the cost of a call."""

import datetime as dt
from decimal import Decimal
from typing import Any

from genai_prices import Usage, types
from genai_prices.data_snapshot import DataSnapshot

MAX_RELATIVE_ERROR = Decimal("1e-12")


class Oracle:
    """The library with our data instead of its own."""

    def __init__(self, document: list[dict[str, Any]]) -> None:
        self.models = {model["id"]: model for model in document[0]["models"]}
        self.snapshot = DataSnapshot(providers=types._providers_from_raw(document), from_auto_update=False)

    def cost(
        self,
        model: str,
        day: dt.date,
        prompt: int,
        completion: int,
        cached: int = 0,
        written: int = 0,
        searches: int = 0,
        time: dt.time = dt.time(12),
    ) -> Decimal:
        usage = Usage(
            input_tokens=prompt,
            output_tokens=completion,
            cache_read_tokens=cached,
            cache_write_tokens=written,
            web_searches=searches,
        )
        moment = dt.datetime.combine(day, time, dt.UTC)
        return self.snapshot.calc(usage, model, "openrouter", None, moment).total_price


def differs(ours: Decimal, theirs: Decimal) -> bool:
    return abs(ours - theirs) > MAX_RELATIVE_ERROR * max(abs(ours), abs(theirs))
