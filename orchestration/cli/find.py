"""`routerscope find`: the models that meet some conditions, by what a given call costs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

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
    parts_in_words,
)
from orchestration.cli.rows import Format, FormatOption, Limit, Output, check_output, write_rows
from orchestration.cli.terminal import Data, err, out
from orchestration.errors import QueryError, SettingsError
from orchestration.formatting import change_in_percent, date_in_words, usd_price

if TYPE_CHECKING:
    from orchestration.access.prices import Call, Found

_SHOWN = 10
_UNITS = {
    "prompt_usd_per_mtok": "USD per million tokens",
    "cache_read_usd_per_mtok": "USD per million tokens",
    "completion_usd_per_mtok": "USD per million tokens",
    "growth_28d_low": "fraction",
}


def find(
    prompt: Prompt = 0,
    completion: Completion = 0,
    cached: Cached = 0,
    cache_written: CacheWritten = 0,
    searches: Searches = 0,
    time: Time = "",
    context: Annotated[int, typer.Option(metavar="N", min=0, help="At least this context window, in tokens.")] = 0,
    has_tools: Annotated[bool, typer.Option("--tools", help="Only models that support tools.")] = False,
    is_open: Annotated[bool, typer.Option("--open", help="Only models with open weights.")] = False,
    is_growing: Annotated[
        bool, typer.Option("--growing", help="Only models whose tokens certainly grew over 28 days.")
    ] = False,
    max_cost: Annotated[float | None, typer.Option(metavar="USD", min=0, help="At most this cost of the call.")] = None,
    min_uptime: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT", min=0, max=100, help="An endpoint with this mean uptime over the last 7 observed days."
        ),
    ] = None,
    variant: Annotated[
        str, typer.Option(metavar="NAME", help="Variant, such as standard, free or batch; all for all.")
    ] = "standard",
    promptfoo: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a promptfoo configuration that tests the models shown."),
    ] = None,
    form: FormatOption = Format.table,
    limit: Limit = None,
    output: Output = None,
    data: Data = None,
) -> None:
    """Find models for a call, cheapest first.

    The cost is that of the call at the listed price. Beside it stands the cheapest endpoint that was up. Facts that are
    too old are marked. A public ranking suggests what to test; your own tests decide.
    """
    call = parse_call(prompt, completion, cached, cache_written, searches, time)
    if not (prompt or completion):
        raise SettingsError("Describe a call, such as --prompt 50000 --completion 2000 --cached 40000.")
    check_output(form, output)
    from orchestration.access.prices import FIND_TABLES, Conditions, find_models
    from orchestration.access.release import open_release

    wanted = Conditions(context, has_tools, is_open, is_growing, max_cost, min_uptime, variant)
    with open_release(data) as release:
        found = find_models(release, call, wanted)
        about = release.about(FIND_TABLES)
        if promptfoo:
            _write_promptfoo(promptfoo, found, limit or _SHOWN, call_in_words(call), release.about(FIND_TABLES))
    for surface, facts in (("models", "Listed prices"), ("rankings", "The tokens behind growth and reasons")):
        if surface in found.too_old:
            about = [f"{facts} were observed so long ago that they may have changed.", *about]
    if found.are_endpoints_too_old:
        about = ["Endpoints were observed so long ago that they may have changed: see endpoints_as_of.", *about]
    if form is Format.table and output is None:
        out.print(f"{call_in_words(call)}\n", soft_wrap=True)
        _show(found, call, limit or _SHOWN)
        for line in about:
            err.print(escape(line), soft_wrap=True, style="dim")
    else:
        write_rows(found.models, about, _UNITS, form, output, limit)
    if found.without_cost:
        err.print(f"{found.without_cost:,} more meet the conditions, but have no price for such a call.")
    for fact, count in found.unknown.items():
        err.print(f"{count:,} more are left out: {fact} unknown.")


def _write_promptfoo(path: Path, found: Found, limit: int, shape: str, about: Sequence[str]) -> None:
    from orchestration.publish.exports.promptfoo import Candidate, promptfoo_config
    from orchestration.storage.files import replace_when_complete

    rows = found.models.slice(0, limit).to_pylist()
    candidates = [Candidate(row["model_id"], row["try_reason"] or "", row["cost_usd"]) for row in rows]
    if not candidates:
        raise QueryError(f"No model meets all conditions, so {path} was not written. Relax a condition.")
    with replace_when_complete(path.resolve()) as temporary:
        temporary.write_text(promptfoo_config(candidates, shape, " ".join(about)), encoding="utf-8")


def _show(found: Found, call: Call, limit: int) -> None:
    rows = found.models.slice(0, limit).to_pylist()
    for number, row in enumerate(rows, 1):
        out.print(
            f"{number:>2}. [bold]{escape(row['model_id'])}[/]  {cost_in_words(row['cost_usd'])}  "
            f"({parts_in_words(call, row['input_cost_usd'], row['output_cost_usd'])})",
            soft_wrap=True,
        )
        for line in _lines(row, found):
            out.print(f"    {line}", soft_wrap=True)
    count = found.models.num_rows
    if count > limit:
        out.print(f"\n{limit} of {count:,} models. --limit shows more, and --format csv has all.")
    elif not count:
        out.print("No model meets all conditions.")
    out.print()


def _lines(row: Mapping[str, Any], found: Found) -> list[str]:
    """Why this model for this call: prices, context and weights; its cheapest endpoint; growth and reason to test."""
    cached = row["cache_read_usd_per_mtok"]
    prices = f"{usd_price(row['prompt_usd_per_mtok'])} in, {usd_price(row['completion_usd_per_mtok'])} out"
    prices += f", {usd_price(cached)} cached" if cached is not None else ""
    weights = {"open": "open weights", "closed": "closed weights"}.get(row["weights"], "weights unclassified")
    lines = [f"{prices} per million; {row['context_length']:,} context; {weights}"]
    if row["endpoint_tag"]:
        uptime = "uptime unknown" if row["uptime_7d_pct"] is None else f"uptime {row['uptime_7d_pct']:.1f}%"
        note = f" [yellow](as of {date_in_words(row['endpoints_as_of'])})[/]" if found.are_endpoints_too_old else ""
        lines.append(
            f"cheapest that was up: {escape(row['endpoint_tag'])} {cost_in_words(row['endpoint_cost_usd'])}, "
            f"{uptime}, of {row['endpoints_up']} up{note}"
        )
    if row["expiration_date"]:
        lines.append(f"[yellow]will be removed on {date_in_words(row['expiration_date'])}[/]")
    growth = row["growth_28d_low"]
    has_grown = growth and growth > 0 and row["growth_28d_status"] != "launched"
    reasons = [f"Tokens {change_in_percent(100 * growth)} or more in 28 days."] if has_grown else []
    reasons += [escape(row["try_reason"])] if row["try_reason"] else []
    return lines + ([" ".join(reasons)] if reasons else [])
