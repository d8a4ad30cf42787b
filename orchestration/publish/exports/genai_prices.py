"""Export for genai-prices (Pydantic): the provider `openrouter` with the whole price history of every id.

    exports/genai-prices/data.json      a list of providers in the format of the library's own data file

Prices are in USD per million tokens, and per thousand requests and searches. A price begins on the UTC day at whose end
it is listed, as in `price_on`. The format has either a history or prices of a time of day, so an id whose current price
depends on the time of day has no history. Ids with a price that the format cannot express are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from orchestration.publish.exports.documents import as_json
from orchestration.publish.exports.prices import (
    Prices,
    by_prompt_length,
    has_expressible_hours,
    hours_of,
    is_priced,
    of_time_of_day,
)
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
        history.last_seen_at,
        history.prices,
        current_prices.context_length
    from price_history as history
    left join price_current as current_prices using (model_id)
    order by history.model_id, history.valid_from
"""
# Each id and each permaslug that a price had, with the one id that it means now. Several ids can have had a permaslug,
# one after the other, or at once with an alias, whose id starts with ~; and a former id can be another id's permaslug.
_NAMES_IN_USE = """
    with names as (
        select model_id as name, model_id, last_seen_at from price_history
        union all
        select model_permaslug, model_id, last_seen_at from price_history where model_permaslug is not null
    )
    select
        name,
        max_by(model_id, (last_seen_at, name = model_id, not starts_with(model_id, '~'), model_id)) as model_id
    from names
    group by name
    order by name
"""

Row = Mapping[str, Any]


def export(source: ExportSource) -> dict[str, str]:
    """The files of the export, by name."""
    histories: dict[str, Sequence[Row]] = {
        model_id: list(rows) for model_id, rows in groupby(source.rows(_INTERVALS), key=lambda row: row["model_id"])
    }
    slugs: dict[str, list[str]] = {model_id: [] for model_id in histories}
    later: dict[str, str] = {}
    for row in source.rows(_NAMES_IN_USE):
        name, model_id = row["name"], row["model_id"]
        if name not in histories:
            slugs[model_id].append(name)
        elif name != model_id:
            later[name] = model_id
    models = []
    for model_id, listed in histories.items():
        intervals = _continued(listed, histories[later[model_id]]) if model_id in later else listed
        if found := _model([model_id, *slugs[model_id]], intervals):
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


def _continued(intervals: Sequence[Row], later: Sequence[Row]) -> list[Row]:
    """The intervals of an id that is no longer listed, then those of the id whose permaslug it became."""
    end = intervals[-1]["last_seen_at"]
    after = [{**row, "valid_from": max(row["valid_from"], end)} for row in later if row["last_seen_at"] > end]
    return [*intervals, *after]


def _model(names: Sequence[str], intervals: Sequence[Row]) -> dict[str, Any] | None:
    """The entry of an id, the first of `names`.

    None if it has no price, or if a later price is unknown, or its hours are such that the format cannot express it.
    """
    priced = [is_priced(row["prices"]) for row in intervals]
    if not any(priced):
        return None
    intervals = intervals[priced.index(True) :]
    if not all(is_priced(row["prices"]) for row in intervals):
        return None
    newest = intervals[-1]["prices"]
    if not has_expressible_hours(newest):
        return None
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
        start, end = (dt.time(*divmod(hhmm, 100)).isoformat() for hhmm in hours_of(one))
        found.append({"constraint": {"start_time": start, "end_time": end}, "prices": _prices(within)})
    return found


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
