"""`routerscope price`: the prices of a model on a day, listed and at each endpoint, and what a call costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from orchestration.cli.call import (
    Cached,
    CacheWritten,
    Completion,
    Prompt,
    Searches,
    Time,
    call_in_words,
    cost_in_words,
    parse_call,
    parse_day,
    parts_in_words,
)
from orchestration.cli.terminal import Data, json_text, out
from orchestration.formatting import date_in_words, timestamp_in_words, usd_price

if TYPE_CHECKING:
    from orchestration.access.prices import Call, Prices

_UNLIMITED = 1_000
_BASES = {
    "observed": "listed at the end of the day",
    "carried": "carried from an older list: the newest list by then does not have the model, or is two days old",
    "backcast": "from the first list after the day",
}
_OVERRIDES = {
    "prompt": "input",
    "cache_read": "cached input",
    "cache_write": "cache write",
    "completion": "output",
    "request": "per request",
    "web_search": "per search",
}


def price(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Id of a model, or its permaslug.")],
    at: Annotated[str, typer.Option("--at", metavar="DAY", help="Day (YYYY-MM-DD). Default: the newest.")] = "",
    endpoint: Annotated[str, typer.Option(metavar="TAG", help="Only this endpoint.")] = "",
    prompt: Prompt = 0,
    completion: Completion = 0,
    cached: Cached = 0,
    cache_written: CacheWritten = 0,
    searches: Searches = 0,
    time: Time = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    data: Data = None,
) -> None:
    """Show a model's prices and what a call costs.

    Input and output apart, as listed and at each endpoint, with uptime and since when the price holds. With numbers of
    tokens, also what the call costs by the prices for a prompt of its length, before fees.
    """
    from orchestration.access.prices import PRICE_TABLES, prices_of
    from orchestration.access.release import open_release

    given = parse_call(prompt, completion, cached, cache_written, searches, time)
    call, day = given if prompt or completion or searches else None, parse_day(at)
    with open_release(data) as release:
        found = prices_of(release, model, day, endpoint, call)
        about = release.about(PRICE_TABLES if found.endpoints else PRICE_TABLES[:1])
    if as_json:
        document = {"about": about, "day": found.day, "listed": found.listed, "endpoints": found.endpoints}
        typer.echo(json_text(document | {"are_endpoints_too_old": found.are_endpoints_too_old}))
        return
    for row in found.listed:
        _show_listed(row, call)
    _show_endpoints(found, call)
    for line in about:
        out.print(escape(line), soft_wrap=True, style="dim")


def _show_listed(row: Mapping[str, Any], call: Call | None) -> None:
    out.print(f"[bold]{escape(row['model_id'])}[/] on {date_in_words(row['date'])}, {_BASES[row['price_basis']]}")
    if row["is_dynamic"]:
        out.print("  The price depends on the route, so no price is listed.\n")
        return
    cache = [
        f"{name} {usd_price(row[column])}"
        for name, column in (("cached", "cache_read_usd_per_mtok"), ("cache write", "cache_write_usd_per_mtok"))
        if row[column] is not None
    ]
    out.print(f"  input   {usd_price(row['prompt_usd_per_mtok'])} per million tokens", end="")
    out.print(f" ({', '.join(cache)})" if cache else "")
    out.print(f"  output  {usd_price(row['completion_usd_per_mtok'])} per million tokens")
    for override in (row["prices"] or {}).get("overrides") or []:
        out.print(f"  {_condition(override)}: {_override(override)}", soft_wrap=True)
    if row["prices"] is None:
        out.print("  Other prices apply under a condition that this version does not know.")
    since = f"not yet on {date_in_words(row['not_before'])}" if row["not_before"] else "in the first list observed"
    out.print(
        f"  Since {date_in_words(row['valid_from'])} ({since}), last seen {timestamp_in_words(row['last_seen_at'])}.",
        soft_wrap=True,
    )
    if call:
        out.print(f"\n  {call_in_words(call)}:", soft_wrap=True)
        out.print(f"  [bold]{cost_in_words(row['cost_usd'])}[/] at the listed price", end="")
        parts = _parts(row, call)
        out.print(f" ({parts})" if parts else "", soft_wrap=True)
    out.print()


def _parts(row: Mapping[str, Any], call: Call) -> str:
    """The cost of input and output apart; "" if one is unknown."""
    if row["cost_usd"] is None or row["input_cost_usd"] is None:
        return ""
    return parts_in_words(call, row["input_cost_usd"], row["cost_usd"] - row["input_cost_usd"])


def _condition(override: Mapping[str, Any]) -> str:
    parts = []
    if override["min_prompt_tokens"] is not None:
        parts.append(f"prompts over {override['min_prompt_tokens']:,} tokens")
    if override["utc_start"] is not None or override["utc_end"] is not None:
        start, end = (f"{number or 0:04d}" for number in (override["utc_start"], override["utc_end"]))
        parts.append(f"from {start[:2]}:{start[2:]} to {end[:2]}:{end[2:]} UTC")
    return ", ".join(parts)


def _override(override: Mapping[str, Any]) -> str:
    shown = []
    for name, words in _OVERRIDES.items():
        if (exact := override[name]) is not None:
            is_unit = name in ("request", "web_search")
            shown.append(f"{words} {usd_price(float(exact if is_unit else exact * 1_000_000))}")
    return ", ".join(shown)


def _show_endpoints(found: Prices, call: Call | None) -> None:
    if not found.endpoints:
        out.print("No endpoint was observed by then.\n")
        return
    newest = max(row["observed_at"] for row in found.endpoints)
    note = " [yellow]This is too old to rely on.[/]" if found.are_endpoints_too_old else ""
    out.print(f"Endpoints as observed on {timestamp_in_words(newest)}.{note}", soft_wrap=True)
    names = ["model"] * (len({row["model_id"] for row in found.endpoints}) > 1) + ["endpoint"]
    figures = ["input", "output", "cached", "uptime", *(["cost"] if call else []), "since"]
    rows = [_cells(row, names, figures) for row in found.endpoints]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))  # 80 columns are just enough
    for name in names:
        table.add_column(name)
    for name in figures:
        table.add_column(name, justify="right")
    for cells in rows:
        table.add_row(*map(Text, cells))
    if Measurement.get(out, out.options.update(max_width=_UNLIMITED), table).maximum <= out.width:
        out.print(table)
    else:  # too narrow for a line per endpoint
        for cells in rows:
            out.print(f"[bold]{escape(' '.join(cells[: len(names)]))}[/]", soft_wrap=True)
            out.print(*(f"  {name} {cell}" for name, cell in zip(figures, cells[len(names) :], strict=True)), sep="\n")
    out.print("Prices in USD per million tokens, after discount; uptime is the mean of the last 7 observed days.\n")


def _cells(row: Mapping[str, Any], names: Sequence[str], figures: Sequence[str]) -> list[str]:
    uptime = "unknown" if row["uptime_7d_pct"] is None else f"{row['uptime_7d_pct']:.1f}%"
    cells = {
        "model": row["model_id"],
        "endpoint": row["endpoint_tag"],
        "input": usd_price(row["prompt_usd_per_mtok"], "-"),
        "output": usd_price(row["completion_usd_per_mtok"], "-"),
        "cached": usd_price(row["cache_read_usd_per_mtok"], "-"),
        "uptime": uptime if row["is_up"] else f"down, {uptime}",
        "cost": cost_in_words(row.get("cost_usd")),
        "since": f"{row['valid_from']:%Y-%m-%d}",
    }
    return [cells[name] for name in (*names, *figures)]
