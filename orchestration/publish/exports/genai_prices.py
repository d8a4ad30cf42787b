"""Export for genai-prices (Pydantic): the provider `openrouter` with the whole price history of every id.

    exports/genai-prices/data.json      a list of providers in the format of the library's own data file

Prices are in USD per million tokens, and per thousand requests and searches. A price begins on the UTC day at whose end
it is listed, as in `price_on`. The format has either a history or prices of a time of day, so an id whose current price
depends on the time of day has no history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from orchestration.publish.exports.documents import as_json
from orchestration.publish.exports.prices import Prices, by_prompt_length, is_priced, of_time_of_day
from orchestration.publish.exports.source import ExportSource

# Key of the format → our price, and the power of ten of the unit that it is per.
_KEYS = {
    "input_mtok": ("prompt", 6),
    "output_mtok": ("completion", 6),
    "cache_read_mtok": ("cache_read", 6),
    "cache_write_mtok": ("cache_write", 6),
    "cache_write_1h_mtok": ("cache_write_1h", 6),
    "requests_kcount": ("request", 3),
    "web_searches_kcount": ("web_search", 3),
}
_NAMES = [name for name, _ in _KEYS.values()]
_INTERVALS = """
    select
        history.model_id,
        history.valid_from,
        history.prices,
        current_prices.context_length
    from price_history as history
    left join price_current as current_prices using (model_id)
    order by history.model_id, history.valid_from
"""
# Each permaslug that a price had, with the one id that it means. Several ids can have had it, one after the other, or
# at once with an alias, whose id starts with ~.
_SLUGS = """
    select
        max_by(model_id, (last_seen_at, not starts_with(model_id, '~'), model_id)) as model_id,
        model_permaslug
    from price_history
    where model_permaslug not in (select model_id from price_history)
    group by model_permaslug
"""

Row = Mapping[str, Any]


def export(source: ExportSource) -> dict[str, str]:
    """The files of the export, by name."""
    slugs: dict[str, list[str]] = {}
    for row in source.rows(_SLUGS):
        slugs.setdefault(row["model_id"], []).append(row["model_permaslug"])
    models = []
    for model_id, rows in groupby(source.rows(_INTERVALS), key=lambda row: row["model_id"]):
        if found := _model([model_id, *sorted(slugs.get(model_id, []))], list(rows)):
            models.append(found)
    provider = {
        "id": "openrouter",
        "name": "OpenRouter",
        "api_pattern": r"https://openrouter\.ai",
        "pricing_urls": [source.source_url],
        "price_comments": source.notice,
        "models": models,
    }
    return {"data.json": as_json([provider])}


def _model(names: Sequence[str], intervals: Sequence[Row]) -> dict[str, Any] | None:
    """The entry of an id, the first of `names`.

    None if it has no price, or if its price became unknown, which the format cannot express.
    """
    priced = [is_priced(row["prices"]) for row in intervals]
    if not any(priced):
        return None
    intervals = intervals[priced.index(True) :]
    if not all(is_priced(row["prices"]) for row in intervals):
        return None
    newest = intervals[-1]["prices"]
    entry = {
        "id": names[0],
        "match": {"or": [{"equals": name} for name in names]},
        "prices": _by_time_of_day(newest) if of_time_of_day(newest) else _by_day(intervals),
    }
    if intervals[-1]["context_length"]:
        entry["context_window"] = intervals[-1]["context_length"]
    return entry


def _by_day(intervals: Sequence[Row]) -> list[dict[str, Any]]:
    """The prices at the end of each day on which they changed; the first ones also hold before."""
    newest_of_day = {row["valid_from"].date(): row["prices"] for row in intervals}
    first, *later = newest_of_day.items()
    return [
        {"prices": _prices(first[1])},
        *({"constraint": {"start_date": day.isoformat()}, "prices": _prices(prices)} for day, prices in later),
    ]


def _by_time_of_day(prices: Prices) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"prices": _prices(prices)}]
    for one in of_time_of_day(prices):
        within = {**prices, **{name: one[name] for name in _NAMES if one[name] is not None}}
        constraint = {"start_time": _time(one["utc_start"]), "end_time": _time(one["utc_end"])}
        found.append({"constraint": constraint, "prices": _prices(within)})
    return found


def _time(hhmm: int | None) -> str:
    """HHMM as ISO time; the end of the day is midnight."""
    hour, minute = divmod(hhmm or 0, 100)
    return dt.time(hour % 24, minute).isoformat()


def _prices(prices: Prices) -> dict[str, Any]:
    """The prices of a call by key, with a step for each prompt length at which one changes."""
    lengths = by_prompt_length(prices)
    found: dict[str, Any] = {}
    for key, (name, exponent) in _KEYS.items():
        if all(in_effect[name] is not None for _, in_effect in lengths):
            amounts = [(start, in_effect[name].scaleb(exponent)) for start, in_effect in lengths]
            steps = [
                {"start": start, "price": amount}
                for (_, before), (start, amount) in pairwise(amounts)
                if amount != before
            ]
            found[key] = {"base": amounts[0][1], "tiers": steps} if steps else amounts[0][1]
    return found
