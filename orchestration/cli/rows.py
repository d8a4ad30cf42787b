"""The rows of a query on the terminal, in a pipe or in a file: what `query` and `ask` share.

A table is for people: thousands separators, shares in percent. JSON and Parquet have the values as they are, and so has
CSV, except for texts that a spreadsheet would run as a formula. Scope and citations go to standard error, so that
standard output has rows only.
"""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import typer
from rich.cells import cell_len
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.cli.terminal import PlainConsole, err, format_cell, json_text, out
from orchestration.errors import QueryError
from orchestration.storage.files import replace_when_complete
from orchestration.untrusted import csv_text

if TYPE_CHECKING:
    import pyarrow as pa

_MAX_TABLE_ROWS = 100
_FILE_WIDTH = 200
_MIN_WRAPPED_WIDTH = 24
_SPACE = 2  # between columns


class Format(StrEnum):
    """The format of the rows."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


FormatOption = Annotated[Format, typer.Option("--format", help="Format of the rows.")]
Limit = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help=f"At most N rows. Default: all; {_MAX_TABLE_ROWS} in a table."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write. Default: standard output.")
]


def check_output(form: Format, output: Path | None) -> None:
    """Raises BadParameter, before anything runs, if the rows would be bytes on a terminal."""
    if form is Format.parquet and output is None and sys.stdout.isatty():
        raise typer.BadParameter(
            "Parquet is binary and is not written to a terminal. Name a file with --output, or redirect standard "
            "output to a file or a pipe."
        )


def write_rows(
    rows: pa.Table,
    about: Sequence[str],
    units: Mapping[str, str],
    form: Format,
    output: Path | None,
    limit: int | None,
) -> None:
    """Write the rows in a format, then the lines `about` and the number of rows left out to standard error.

    `units` are those of columns that the query reads unchanged. Raises QueryError if the file cannot be written.
    """
    shown = limit or (_MAX_TABLE_ROWS if form is Format.table else rows.num_rows)
    try:
        _write(rows.slice(0, shown), about, units, form, output)
    except BrokenPipeError:
        raise  # as for any command: the reader has read enough
    except (ValueError, OverflowError) as error:  # Python has no infinite dates, and no years after 9999
        raise QueryError(
            f"A value cannot be written as {form} ({error}). The release is unchanged. Cast dates and timestamps to "
            "varchar."
        ) from error
    except OSError as error:
        raise QueryError(
            f"{output or 'Standard output'} could not be written: {error.strerror or error}. The release is unchanged."
        ) from error
    if rows.num_rows > shown:
        more = "" if limit else " --limit shows more, and --format csv has all."
        err.print(f"{shown:,} of {rows.num_rows:,} rows.{more}")
    elif not rows.num_rows:
        err.print("No rows.")
    err.print()
    for line in about:
        err.print(escape(line), soft_wrap=True, style="dim")


def _write(rows: pa.Table, about: Sequence[str], units: Mapping[str, str], form: Format, output: Path | None) -> None:
    if form is Format.table and output is None:
        out.print(layout(rows, units, out.width))
        return
    with _opened(output) as file:
        if form is Format.parquet:
            file.write(_as_parquet(rows, about))
        elif form is Format.csv:
            import pyarrow.csv

            pyarrow.csv.write_csv(_for_csv(rows), file)
        elif form is Format.json:
            file.write((_as_json(rows, about) + "\n").encode())
        else:
            text = io.StringIO()
            PlainConsole(file=text, width=_FILE_WIDTH).print(layout(rows, units, _FILE_WIDTH))
            file.write(text.getvalue().encode())
        file.flush()


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Standard output or the file, which is complete or as it was, even after Ctrl-C."""
    if output is None:
        yield sys.stdout.buffer
    elif output.parent.is_dir() and (output.is_file() or not output.exists()):
        with replace_when_complete(output.resolve()) as temporary, temporary.open("wb") as file:
            yield file
    else:  # a device or a pipe
        with output.open("wb") as file:
            yield file


def _as_parquet(rows: pa.Table, about: Sequence[str]) -> pa.Buffer:
    """The file in memory, because a pipe has no positions that the writer could ask for."""
    import pyarrow as pa
    import pyarrow.parquet

    metadata = {**(rows.schema.metadata or {}), b"routerscope": json.dumps(about).encode()}
    buffer = pa.BufferOutputStream()
    pyarrow.parquet.write_table(rows.replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()


def _as_json(rows: pa.Table, about: Sequence[str]) -> str:
    return json_text({"about": about, "rows": _finite(rows.to_pylist())})


def _finite(value: Any) -> Any:
    """The value with null for each NaN and infinity in it, which JSON cannot hold."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _for_csv(rows: pa.Table) -> pa.Table:
    """Texts and names of columns without formulas; lists, structs and intervals as JSON text, and bytes as text.

    CSV itself has none of these values.
    """
    import pyarrow as pa

    for number, field in enumerate(rows.schema):
        is_nested = pa.types.is_nested(field.type) or pa.types.is_interval(field.type)
        is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        is_binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
        if is_nested or is_text or is_binary or pa.types.is_dictionary(field.type):  # DuckDB's enums
            values = _finite(rows.column(number).to_pylist()) if is_nested else rows.column(number).to_pylist()
            texts = [json.dumps(value, default=str) if is_nested and value is not None else value for value in values]
            cells = [None if text is None else csv_text(str(text)) for text in texts]
            rows = rows.set_column(number, field.name, pa.array(cells, pa.string()))
    return rows.rename_columns([csv_text(name) for name in rows.column_names])


def layout(rows: pa.Table, units: Mapping[str, str], width: int) -> Table | Group | Text:
    """One line per row if the columns fit side by side, otherwise one line per value. Numbers are never cut.

    Only the widest column may wrap, at spaces.
    """
    names = rows.column_names
    cells = [[format_cell(value, name, units.get(name)) for name, value in row.items()] for row in rows.to_pylist()]
    if not cells:
        return Text("  ".join(names), style="bold")
    columns = [[name, *column] for name, column in zip(names, zip(*cells, strict=True), strict=True)]
    widths = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
    widest = widths.index(max(widths))
    left = width - (sum(widths) - widths[widest]) - _SPACE * (len(names) - 1)
    longest_word = max(cell_len(word) for cell in columns[widest] for word in cell.split() or [""])
    if left >= min(widths[widest], max(longest_word, _MIN_WRAPPED_WIDTH)):
        return _side_by_side(rows.schema, cells, widest)
    records = [Table(show_header=False, box=None, pad_edge=False) for _ in cells]
    for record, row in zip(records, cells, strict=True):
        record.add_column(overflow="fold")
        record.add_column(overflow="fold")
        for name, cell in zip(names, row, strict=True):
            record.add_row(Text(name), Text(cell))
    return Group(*(Padding(record, (0, 0, 1, 0)) for record in records))


def _side_by_side(schema: pa.Schema, cells: Sequence[Sequence[str]], wrapped: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, field in enumerate(schema):
        justify: Literal["left", "right"] = "right" if _is_number(field.type) else "left"
        table.add_column(Text(field.name), justify=justify, no_wrap=number != wrapped)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
