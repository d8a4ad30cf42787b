"""`routerscope own` and its verbs that read: what calls cost and why, the same tokens elsewhere, SQL, promptfoo."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from orchestration.cli.heartbeat import Heartbeat
from orchestration.cli.own import REASONS
from orchestration.cli.rows import Format, FormatOption, Limit, Output, check_output, write_rows
from orchestration.cli.terminal import Data, counted, err, json_text, out, say_to_stderr
from orchestration.folders import data_folder
from orchestration.formatting import as_percent, date_in_words, period_in_words

if TYPE_CHECKING:
    from orchestration.usage.marts import OwnMarts

NO_FORECAST = (
    "No forecast: other models split texts into other tokens and give answers of other lengths. Let your own tests "
    "decide."
)
_BASES_EXPLAINED = "carried: from before; backcast: from after the calls"
_LABEL_WIDTH = 26
_AMOUNT_WIDTH = 14
_MIN_NAME_WIDTH = 12
_SPACE = 2  # between columns


@contextmanager
def _current_marts(data: Path) -> Iterator[OwnMarts]:
    """The marts about the calls in a data folder, built before if a log, the release or the code is new."""
    from orchestration.usage.build import build_own
    from orchestration.usage.marts import open_own

    with Heartbeat(time.monotonic(), "pricing your calls", say_to_stderr) as heartbeat:
        build_own(data, lambda stage, share: heartbeat.enter(f"{stage}, {share:.0%}" if share else stage))
    with open_own(data) as marts:
        yield marts


def _about(marts: OwnMarts) -> list[str]:
    """Lines below figures: whether they are simulated, where the prices are from, and what the calls are not."""
    from orchestration.publish.datapackage import SIMULATED

    is_simulated = marts.rows("select 1 from release.price_history where scope_id = 'simulated' limit 1")
    cited = marts.rows(
        "select citation from release.citations where surface in ('models', 'endpoints') order by surface"
    )
    return [
        *([SIMULATED] if is_simulated else []),
        "Your own calls, priced by Routerscope; not part of any release.",
        *(row["citation"] for row in cited),
    ]


def own_summary(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    data: Data = None,
) -> None:
    """Price your own calls, and the same tokens on other models.

    Your calls are priced at the listed price and at the endpoint prices of their own time. If a log or the release is
    new, that takes some seconds. Calls of several sources are not added up, because they may be the same.
    """
    if context.invoked_subcommand:
        return
    from orchestration.usage.marts import summary

    with _current_marts(data_folder(data)) as marts:
        sources, about = summary(marts), _about(marts)
    if as_json:
        typer.echo(json_text({"about": about, "sources": sources}))
        return
    for one in sources:
        _show(one)
    for line in about:
        err.print(escape(line), soft_wrap=True, style="dim")


def _show(one: Mapping[str, Any]) -> None:
    from orchestration.usage.formats import FORMATS

    out.print(f"[bold]{FORMATS[one['source']].title}[/]", soft_wrap=True)
    days = f"{date_in_words(one['first_date'])} to {date_in_words(one['last_date'])}"
    failed = f" ({one['failed_calls']:,} failed)" if one["failed_calls"] else ""
    out.print(f"{counted(one['calls'], 'call')}{failed} of {counted(one['models'], 'model')}, {days}")
    out.print(f"{one['prompt_tokens']:,} prompt and {one['completion_tokens']:,} completion tokens\n")
    for label, amount, note in _amounts(one):
        out.print(f"{label:<{_LABEL_WIDTH}}{usd(amount):>{_AMOUNT_WIDTH}}  {note}".rstrip(), soft_wrap=True)
    if notes := list(_notes(one)):
        out.print()
    for note in notes:
        out.print(escape(note), soft_wrap=True)
    _show_alternatives(one)
    _show_mix(one["mix"])
    out.print()


def usd(amount: Decimal | None) -> str:
    """An amount to the cent, or with more decimals if it is less than one; unknown for None."""
    if amount is None:
        return "unknown"
    size = abs(amount)
    decimals = 2 if size >= 1 or not size else 4 if size >= Decimal("0.01") else 6
    return f"{'-' if amount < 0 else ''}${size:,.{decimals}f}"


def _amounts(one: Mapping[str, Any]) -> Iterator[tuple[str, Decimal | None, str]]:
    """Label, amount and note of each line about money. Amounts that are 0 or do not apply have no line."""
    if one["charged_usd"] is not None:
        yield "Charged", one["charged_usd"], "as the log reports it"
    if one["upstream_usd"]:
        yield "Paid to providers", one["upstream_usd"], "with your own keys"
    if one["paid_usd"] != one["charged_usd"]:
        without = one["calls_without_cost"]
        note = f"without {counted(without, 'call')} of unknown cost" if without else ""
        yield "Paid", one["paid_usd"], note or "calls without a charge at the listed price"
    yield "At the listed prices", one["list_usd"], f"of the days of the calls{_of_all(one, 'calls_with_list_price')}"
    if _has_every_endpoint_price(one):
        note = f"that explain the charges or come closest{_of_all(one, 'calls_with_endpoint_price')}"
        yield "At the endpoints' prices", one["endpoint_usd"], note
    elif one["endpoint_low_usd"] is not None:
        note = f"to {usd(one['endpoint_high_usd'])}{_of_all(one, 'calls_with_endpoint_range')}"
        yield "At the endpoints' prices", one["endpoint_low_usd"], note
    if one["residual_usd"] is not None:
        unexplained = next((check["calls"] for check in one["checks"] if check["check"] == "residual"), 0) or 0
        note = f"in {counted(unexplained, 'call')}" if unexplained else "rounding: charges are cut to 6 decimals"
        yield "Not explained by a price", one["residual_usd"], note
    if one["cache_saved_usd"]:
        yield "Saved by the cache", one["cache_saved_usd"], "at the listed prices"
    if one["tier_extra_usd"]:
        yield "Added by conditions", one["tier_extra_usd"], "at the listed prices, such as for long prompts"
    if one["fee_usd"]:
        yield "Fee on own keys", one["fee_usd"], "as the rules give it, contained in the charges"


def _has_every_endpoint_price(one: Mapping[str, Any]) -> bool:
    """Whether each call that has a range of endpoint prices has one of them that is meant."""
    return one["endpoint_usd"] is not None and one["calls_with_endpoint_price"] == one["calls_with_endpoint_range"]


def _of_all(one: Mapping[str, Any], column: str) -> str:
    """How many of the calls an amount is about, if not about all."""
    return f", for {one[column]:,} of {one['calls']:,} calls" if one[column] < one["calls"] else ""


def _notes(one: Mapping[str, Any]) -> Iterator[str]:
    """Why charges and listed prices differ, and what to look at."""
    over = one["endpoint_over_list_usd"]
    knows_cache = one["calls_without_cache"] == 0
    if over and one["list_usd"] and abs(over) >= Decimal("0.005") and _has_every_endpoint_price(one) and knows_cache:
        word = "more" if over > 0 else "less"
        yield (
            f"Endpoints cost {usd(abs(over))} {word} than the listed prices: OpenRouter lists one provider's price. "
            f"The charges name one endpoint for {as_percent(one['calls_with_tag'] / one['calls'])} of the calls."
        )
    if not knows_cache:
        yield (
            f"The log does not report cached tokens of {counted(one['calls_without_cache'], 'call')}: the listed price "
            "assumes none, and the range of the endpoints' prices covers any number."
        )
    if one["endpoint_low_usd"] is None and one["list_usd"] is not None:
        yield "The release has no endpoint prices for these calls, so a charge can be compared with listed prices only."
    for name, bases in (("listed", one["price_bases"]), ("endpoints'", one["endpoint_price_bases"])):
        if bases not in {"observed", None}:
            yield f"Basis of the {name} prices: {bases} ({_BASES_EXPLAINED})."
    checks = {check["check"]: check for check in one["checks"]}
    if unmatched := checks.get("unmatched"):
        names = ", ".join(row["name"] for row in one["unmatched"])
        names += " and others" if sum(row["calls"] for row in one["unmatched"]) < unmatched["calls"] else ""
        yield f"No known model, so without a price: {counted(unmatched['calls'], 'call')} of {names}."
    if uncharged := checks.get("charge of 0 for a price above 0"):
        calls = counted(uncharged["calls"], "call")
        yield f"Charged with 0 although the model has a price: {calls}; the listed price counts."
    if repeated := checks.get("repeated"):
        yield f"Logged more than once, and counted once: {counted(repeated['rows'], 'row')}."
    for name, check in checks.items():
        if name.startswith("refused: "):
            yield f"Not usable ({REASONS[name.removeprefix('refused: ')]}): {counted(check['rows'], 'row')}."
        elif name.startswith("also in "):
            calls = counted(check["calls"], "call")
            yield f"May be the same calls as those {name}: {calls}. The sources are not added up."


def _show_alternatives(one: Mapping[str, Any]) -> None:
    rows = one["alternatives"]
    if not rows:
        return
    model, paid = escape(rows[0]["from_model"]), usd(rows[0]["paid_usd"])
    out.print(f"\n[bold]The same tokens of {model}[/] ({paid}) at other models' prices")
    _print_offers(rows, "to_model_id")
    out.print("Ranked models that are not free, cheapest first. Any model: routerscope own what-if MODEL")
    out.print(NO_FORECAST, soft_wrap=True)


def _print_offers(rows: Sequence[Mapping[str, Any]], name: str) -> None:
    lines = []
    for row in rows:
        tag = f" ({row['tag']})" if row["tag"] and name == "to_model_id" else ""
        change = "" if row["change_pct"] is None else _change(row["change_pct"])
        fits = "" if row["context_fits_share"] is None else as_percent(row["context_fits_share"])
        low_to_high = f"{usd(row['low_usd'])} to {usd(row['high_usd'])}"
        lines.append((f"{row[name]}{tag}", usd(row["same_tokens_usd"]), low_to_high, change, fits))
    _print_table(("model", "same tokens", "range", "change", "fits"), lines)


def _print_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A name and its figures per line, or a figure per line if the terminal is too narrow. Only names wrap."""
    widths = [max(map(cell_len, column)) for column in zip(header, *lines, strict=True)]
    if sum(widths[1:]) + _SPACE * len(widths[1:]) + min(widths[0], _MIN_NAME_WIDTH) <= out.width:
        table = Table(box=None, pad_edge=False)
        table.add_column(header[0], overflow="fold")
        for figure in header[1:]:
            table.add_column(figure, justify="right", no_wrap=True)
        for line in lines:
            table.add_row(*map(Text, line))
        out.print(table)
        return
    for line in lines:
        out.print(Text(line[0], style="bold"), soft_wrap=True)
        for figure, cell in zip(header[1:], line[1:], strict=True):
            out.print(Text(f"  {figure} {cell}"), soft_wrap=True)


def _change(percent: float) -> str:
    """A change in percent: -42.0%, and -99.95% where one decimal would say that nothing is left."""
    return f"{percent:+,.{2 if -100 < percent < -99 else 1}f}%"


def _show_mix(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    period = period_in_words(rows[0]["period"], rows[0]["period_start"])
    out.print(f"\n[bold]Your tokens and the router's {period}[/]")
    lines = [(row["member"], as_percent(row["own_share"]), _public_share(row)) for row in rows]
    _print_table(("", "you", "router"), lines)


def _public_share(row: Mapping[str, Any]) -> str:
    low, high = row["public_share"], row["public_share_high"]
    if low is None:
        return "not in the top 50" if row["dimension"] == "model" else "no figure"
    shown = (as_percent(low), as_percent(high))
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"


def what_if(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Id of a model, such as deepseek/deepseek-v3.2.")],
    endpoint: Annotated[
        str, typer.Option(metavar="TAG", help="Prices of this endpoint instead of the listed ones.")
    ] = "",
    form: FormatOption = Format.table,
    limit: Limit = None,
    output: Output = None,
    data: Data = None,
) -> None:
    """The same tokens at another model's prices, for each of your models.

    The prices are those of the days of your calls. The range goes from the same cache hits to none, and covers prices
    that changed between two observations.
    """
    check_output(form, output)
    from orchestration.usage.marts import what_if as priced

    with _current_marts(data_folder(data)) as marts:
        found, about = priced(marts, model, endpoint), _about(marts)
    about = [NO_FORECAST, *about]
    if form is Format.table and output is None:
        for source, rows in found.items():
            _show_what_if(source, rows, limit or len(rows), f"{model} ({endpoint})" if endpoint else model)
        for line in about:
            err.print(escape(line), soft_wrap=True, style="dim")
        return
    import pyarrow as pa

    write_rows(pa.Table.from_pylist([row for rows in found.values() for row in rows]), about, {}, form, output, limit)


def _show_what_if(source: str, rows: Sequence[Mapping[str, Any]], limit: int, offer: str) -> None:
    from orchestration.usage.formats import FORMATS

    out.print(f"[bold]{FORMATS[source].title}: the same tokens at the prices of {escape(offer)}[/]", soft_wrap=True)
    _print_offers(rows[:limit], "from_model")
    # Both sums are about the same calls.
    known = [row for row in rows if row["paid_usd"] is not None and row["same_tokens_usd"] is not None]
    paid, same, low, high = (
        sum((row[name] for row in known), Decimal(0)) for name in ("paid_usd", "same_tokens_usd", "low_usd", "high_usd")
    )
    left_out = f", without {counted(len(rows) - len(known), 'model')} of unknown cost" if len(known) < len(rows) else ""
    out.print(f"All: {usd(same)} ({usd(low)} to {usd(high)}), paid {usd(paid)}{left_out}", soft_wrap=True)
    partly = [row for row in rows if row["price_coverage"] < 1]
    if partly:
        out.print(f"No known price on some days of the calls: {counted(len(partly), 'model')} (price_coverage).")
    out.print()


def own_query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT. Without it, list the tables.")] = "",
    form: FormatOption = Format.table,
    limit: Limit = None,
    output: Output = None,
    data: Data = None,
) -> None:
    """Query the marts about your calls with SQL, read-only.

    The published tables are there too, as release.price_history and so on.
    """
    check_output(form, output)
    from orchestration.access.query import run_query
    from orchestration.usage.build import MARTS

    with _current_marts(data_folder(data)) as marts:
        if not sql:
            for row in marts.rows(
                "select table_name, estimated_size, comment from duckdb_tables() where database_name = 'own'"
            ):
                if row["table_name"] in MARTS:
                    out.print(
                        f"[bold]{row['table_name']}[/]  {row['estimated_size']:,} rows. {escape(row['comment'])}",
                        soft_wrap=True,
                    )
            return
        rows, about = run_query(marts, sql), _about(marts)
    write_rows(rows, about, {}, form, output, limit)


def promptfoo(
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write the files.")] = Path("promptfoo"),
    data: Data = None,
) -> None:
    """Write a promptfoo test of the cheapest other models for your most expensive one.

    The limit is the cost of your mean call on the most expensive of them. Existing files are kept.
    """
    from orchestration.usage.promptfoo import write_promptfoo

    with _current_marts(data_folder(data)) as marts:
        written = write_promptfoo(marts, output, " ".join(_about(marts)))
    out.print(
        f"{counted(written.models, 'model')} for {written.shape} (mean of {counted(written.calls, 'call')}).",
        soft_wrap=True,
    )
    for path in written.files:
        out.print(f"Written: {escape(str(path))}", soft_wrap=True)
    for path in written.kept:
        out.print(f"Kept, since it exists: {escape(str(path))}", soft_wrap=True)
