"""What the commands share: exit codes, the option --data, consoles, and the format of values and errors."""

from __future__ import annotations

import codecs
import io
import json
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from orchestration.errors import RouterscopeError, SettingsError, UsageError
from orchestration.formatting import as_percent
from orchestration.untrusted import escaped_json, plain_text

_MIN_SEPARATED = 10_000
_MIN_WITHOUT_DECIMALS = 1_000_000
_ID = re.compile(r"(^|_)id$")
# Characters of our messages that many encodings lack. A lost minus sign would change a figure.
_IN_ASCII = {"−": "-", "–": "-", "…": "...", "×": "x", "→": "->", "≥": ">=", "≤": "<=", "•": "*"}
_ENCODING_ERRORS = "routerscope.ascii"


class ExitCode(IntEnum):
    """Exit codes of all commands. Only commands that read a release use DOUBTFUL and INVALID."""

    OK = 0
    FAILED = 1
    WRONG_USAGE = 2
    DOUBTFUL = 3
    INVALID = 4
    INTERRUPTED = 128 + signal.SIGINT


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Data folder. Default: ROUTERSCOPE_DATA_DIR, or the folder with the newest release.",
    ),
]
Remote = Annotated[
    str | None,
    typer.Option(
        "--remote",
        metavar="ADDRESS",
        help="Read the release in object storage instead, such as s3://bucket/folder.",
    ),
]
Port = Annotated[int, typer.Option(metavar="PORT", min=1, max=65_535, help="Port on 127.0.0.1.")]


class PlainConsole(Console):
    """A console whose output has no control characters but its own: names in a release cannot command the terminal."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with code 1; see `end_like_a_filter`

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else plain_text(text), style, control)


out, err = PlainConsole(highlight=False), PlainConsole(stderr=True, highlight=False)


def say(line: str) -> None:
    """Print a line to the real standard output: while dbt runs, `sys.stdout` is redirected.

    If the reader of a pipe has gone, or a disk with a log is full, further lines are dropped: a run is worth finishing
    without them.
    """
    try:
        print(plain_text(line), file=sys.__stdout__, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            say_to_stderr(f"Standard output cannot be written: {error.strerror or error}. This goes on without it.")


def say_to_stderr(line: str) -> None:
    """Print a line to standard error, for commands whose standard output is data; errors are ignored."""
    with suppress(OSError):
        print(plain_text(line), file=sys.__stderr__, flush=True)


def end_like_a_filter() -> None:
    """End this process as the system ends any program that writes to a pipe without a reader: silently."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def print_in_any_encoding() -> None:
    """Let standard output and error write what their encoding lacks in ASCII, instead of raising an error."""
    codecs.register_error(_ENCODING_ERRORS, _in_ascii)
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ENCODING_ERRORS)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    escaped = (_IN_ASCII.get(one) or one.encode("ascii", "backslashreplace").decode("ascii") for one in lacking)
    return "".join(escaped), error.end


@contextmanager
def signals_noted() -> Iterator[Callable[[], int]]:
    """Yields a function that returns SIGINT or SIGTERM if one was received, otherwise 0, whatever it was turned into.

    Dagster replaces Python's handlers while it runs a job, and DuckDB raises an error of its own.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    received = bytearray()

    def signal_received() -> int:
        with suppress(BlockingIOError):
            received.extend(os.read(reader, 4096))
        return next((number for number in received if number in (signal.SIGINT, signal.SIGTERM)), 0)

    try:
        yield signal_received
    finally:
        signal.set_wakeup_fd(previous)
        os.close(reader)
        os.close(writer)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print an error on standard output, among the other lines of a run; exit 2 for an invalid setting, otherwise 1."""
    try:
        yield
    except RouterscopeError as error:
        say(str(error))
        raise typer.Exit(exit_code_of(error)) from error


def exit_code_of(error: RouterscopeError) -> ExitCode:
    """WRONG_USAGE for an invalid setting, option or log, FAILED for any other error."""
    return ExitCode.WRONG_USAGE if isinstance(error, SettingsError | UsageError) else ExitCode.FAILED


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 call, 2,000 calls."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def json_text(document: Mapping[str, Any]) -> str:
    """A document as JSON for programs; dates and other values without a JSON type as text.

    Control characters are escaped, so that a terminal does not obey them.
    """
    return escaped_json(json.dumps(document, indent=1, default=str, ensure_ascii=False))


def format_cell(value: Any, column: str = "", unit: str | None = None) -> str:
    """A value in a table for people; null is empty.

    Numbers from 10,000 on have thousands separators, so that years have none; ids have none either. Numbers with
    decimals have six significant digits, and no decimals from 1,000,000 on. The unit `fraction` is shown in percent.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return str(value)
    if unit == "fraction":
        return as_percent(float(value))
    separator = "," if abs(value) >= _MIN_SEPARATED and not _ID.search(column) else ""
    has_decimals = isinstance(value, float) or value != int(value)
    if not has_decimals or abs(value) >= _MIN_WITHOUT_DECIMALS:
        return f"{round(value):{separator}d}"
    if value == int(value):
        return f"{int(value):{separator}d}" if separator else f"{value:.1f}"
    return f"{float(value):{separator}.6g}"
