"""`routerscope query`: run one SELECT over the published tables; scope and citations come with the rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

from orchestration.cli.terminal import Data, err, format_cell, json_text, out
from orchestration.errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.access.release import PublishedRelease

_MAX_TABLE_ROWS = 100
_FILE_WIDTH = 200
_UNLIMITED_WIDTH = 1_000_000


class Format(StrEnum):
    """The format of the rows."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT. Without it, list the tables.")] = "",
    form: Annotated[Format, typer.Option("--format", help="Format of the rows.")] = Format.table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write. Default: the terminal.")
    ] = None,
    data: Data = None,
) -> None:
    """Query the published tables with SQL, read-only.

    Prints scope and citations below a table, or on standard error for other formats. JSON and Parquet also contain
    them.
    """
    from orchestration.access.release import open_release

    with open_release(data) as release:
        if not sql:
            _show_tables(release)
            return
        if form is Format.parquet and output is None:
            raise typer.BadParameter("Parquet cannot be written to the terminal. Name a file with --output.")
        from orchestration.access.query import run_query, tables_in

        rows = run_query(release, sql)
        about = release.about(tables_in(sql, release))
    try:
        _write(rows, about, form, output)
    except OSError as error:
        raise QueryError(
            f"{output} could not be written: {error.strerror or error}. The release is unchanged."
        ) from error


def _show_tables(release: PublishedRelease) -> None:
    table = Table("table", "rows", "about", box=None, pad_edge=False)
    for name, resource in sorted(release.tables.items()):
        table.add_row(name, f"{resource['rows']:,}", escape(resource["description"]))
    out.print(table)
    out.print('\nColumns of a table: routerscope query "describe share_model", or docs/data-dictionary.md')


def _write(rows: pa.Table, about: Sequence[str], form: Format, output: Path | None) -> None:
    if form is Format.parquet:
        import pyarrow.parquet

        assert output is not None  # noqa: S101  # `query` has checked it
        metadata = {**(rows.schema.metadata or {}), b"routerscope": json.dumps(about).encode()}
        pyarrow.parquet.write_table(rows.replace_schema_metadata(metadata), output)
    elif form is Format.csv:
        import pyarrow.csv

        with output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
            pyarrow.csv.write_csv(_nested_as_json(rows), file)
            file.flush()
    elif form is Format.json:
        # JSON has no NaN, which is the one value unequal to itself.
        records = [{name: None if value != value else value for name, value in row.items()} for row in rows.to_pylist()]
        text = json_text({"about": about, "rows": records})
        output.write_text(text + "\n", encoding="utf-8") if output else typer.echo(text)
    else:
        console = Console(file=output.open("w", encoding="utf-8"), width=_FILE_WIDTH) if output else out
        cells = [[format_cell(value) for value in row.values()] for row in rows.slice(0, _MAX_TABLE_ROWS).to_pylist()]
        console.print(_layout(rows.column_names, cells, console))
        if rows.num_rows > _MAX_TABLE_ROWS:
            console.print(f"… {rows.num_rows - _MAX_TABLE_ROWS:,} more rows: --format csv writes all of them")
    console = err if form is not Format.table or output else out
    console.print()
    for line in about:
        console.print(escape(line), soft_wrap=True, style="dim")


def _nested_as_json(rows: pa.Table) -> pa.Table:
    """Lists and structs as JSON text, because CSV has no nested values."""
    import pyarrow as pa

    for number, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            values = rows.column(number).to_pylist()
            texts = [None if value is None else json.dumps(value, default=str) for value in values]
            rows = rows.set_column(number, field.name, pa.array(texts, pa.string()))
    return rows


def _layout(names: Sequence[str], cells: Sequence[Sequence[str]], console: Console) -> Table | Group:
    """One line per row, or one line per value if the columns do not fit side by side without breaking words."""
    table = Table(*map(escape, names), box=None, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    min_width = Measurement.get(console, console.options.update(max_width=_UNLIMITED_WIDTH), table).minimum
    if not cells or min_width <= console.width:
        return table
    records = [Table(show_header=False, box=None, pad_edge=False) for _ in cells]
    for record, row in zip(records, cells, strict=True):
        for name, cell in zip(names, row, strict=True):
            record.add_row(escape(name), cell)
    return Group(*(Padding(record, (0, 0, 1, 0)) for record in records))
