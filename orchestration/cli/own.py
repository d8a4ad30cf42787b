"""`routerscope own add` and `forget`: take in logs of your own calls, and remove all that is stored of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from orchestration.cli.heartbeat import Heartbeat
from orchestration.cli.terminal import Data, counted, out
from orchestration.errors import SettingsError
from orchestration.folders import data_folder
from orchestration.storage.files import check_data_folder

if TYPE_CHECKING:
    from orchestration.usage.intake import Added

# Why a row of a log is not used.
REASONS = {
    "no_time": "no valid time",
    "no_model": "no model",
    "no_tokens": "no numbers of tokens",
    "bad_tokens": "numbers of tokens that are negative or not whole",
    "no_calls": "a number of calls below 1",
    "parts_exceed_prompt": "more cached tokens than prompt tokens",
    "reasoning_exceeds_completion": "more reasoning tokens than completion tokens",
    "bad_charge": "a charge that is negative or no number",
    "in_the_future": "a time in the future",
    "malformed_line": "damaged lines",
    "not_a_call": "not calls of a model, such as spans of an agent",
    "gateway_cache": "answered by the gateway's cache",
}


def add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Logs, archives or folders of logs.")],
    chosen: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="FORMAT",
            help="openrouter, activity, litellm, langfuse, opentelemetry or plain. Default: detected.",
        ),
    ] = "",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Also keep this column, hashed.")] = "",
    keep_labels: Annotated[bool, typer.Option("--keep-labels", help="Keep its values as they are.")] = False,
    accept_losses: Annotated[
        bool, typer.Option("--accept-losses", help="Take in a log of which over 1% cannot be used.")
    ] = False,
    data: Data = None,
) -> None:
    """Take in logs of your calls.

    Exports of OpenRouter, LiteLLM and Langfuse, OpenTelemetry spans, or a table with the columns time, model,
    prompt_tokens and completion_tokens; as CSV, JSON or Parquet, also compressed. Only times, models, numbers of
    tokens, charges and hashed ids are read. Prompts, answers and names of people are not.
    """
    from orchestration.clock import RealClock
    from orchestration.usage.intake import add_logs

    if keep_labels and not label:
        raise SettingsError("--keep-labels needs --label COLUMN. Nothing was read.")
    folder = data_folder(data)
    check_data_folder(folder)
    with Heartbeat(time.monotonic(), "reading") as heartbeat:

        def show(stage: str, share: float) -> None:
            heartbeat.enter(f"{stage}, {share:.0%}" if share else stage)

        added = add_logs(folder, files, RealClock().now(), chosen, label, keep_labels, accept_losses, show)
    for log in added:
        out.print(escape(_in_words(log)), soft_wrap=True)
    out.print(
        f"\nStored in {escape(str(folder / 'own'))}, which only you can read. What they cost: routerscope own",
        soft_wrap=True,
    )


def _in_words(log: Added) -> str:
    if not log.is_new:
        return f"{log.name}: nothing new, its content is stored already"
    left_out = _reasons("skipped", log.skipped) + _reasons("not usable", log.refused)
    return f"{log.name}: {counted(log.calls, 'row')} of {log.format.title}{left_out}"


def _reasons(what: str, counts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{number:,} ({REASONS[reason]})" for reason, number in counts.items())
    return f"; {what}: {listed}" if listed else ""


def forget(
    is_certain: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
) -> None:
    """Remove everything that is stored of your calls.

    The logs themselves and the releases are not touched.
    """
    from orchestration.usage.privacy import forget as forget_all

    folder = data_folder(data)
    if not (folder / "own").exists():
        out.print(f"{escape(str(folder))} has nothing of your own calls.", soft_wrap=True)
        return
    if not is_certain:
        typer.confirm(f"Remove {folder / 'own'}?", abort=True)
    forget_all(folder)
    out.print(f"Removed {escape(str(folder / 'own'))}.", soft_wrap=True)
