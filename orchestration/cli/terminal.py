"""What the commands share: exit codes, the option --data, consoles, and the format of values and errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from orchestration.errors import RouterscopeError, SettingsError


class ExitCode(IntEnum):
    """Exit codes of all commands. Only commands that read a release use DOUBTFUL and INVALID."""

    OK = 0
    FAILED = 1
    WRONG_USAGE = 2
    DOUBTFUL = 3
    INVALID = 4


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Data folder. Default: ROUTERSCOPE_DATA_DIR, or the folder with the newest release.",
    ),
]
Port = Annotated[int, typer.Option(metavar="PORT", help="Port on 127.0.0.1.")]

out, err = Console(highlight=False), Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Print a line to the real standard output: while dbt runs, `sys.stdout` is redirected."""
    print(line, file=sys.__stdout__, flush=True)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print an error on standard output, among the other lines of a run; exit 2 for an invalid setting, otherwise 1."""
    try:
        yield
    except RouterscopeError as error:
        say(str(error))
        is_setting = isinstance(error, SettingsError)
        raise typer.Exit(ExitCode.WRONG_USAGE if is_setting else ExitCode.FAILED) from error


def json_text(document: Mapping[str, Any]) -> str:
    """A document as JSON for programs; dates and other values without a JSON type as text."""
    return json.dumps(document, indent=1, default=str, ensure_ascii=False)


def format_cell(value: Any) -> str:
    """A value in a table: floats with six significant digits, null as empty text."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))
