"""`routerscope query`: run one SELECT over the published tables, or list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from orchestration.cli.rows import Format, FormatOption, Limit, Output, check_output, write_rows
from orchestration.cli.terminal import Data, out

if TYPE_CHECKING:
    from orchestration.access.release import PublishedRelease

_MIN_TABLE_WIDTH = 60  # of the list of tables; below it, each table is a paragraph


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT. Without it, list the tables.")] = "",
    form: FormatOption = Format.table,
    limit: Limit = None,
    output: Output = None,
    data: Data = None,
) -> None:
    """Query the published tables with SQL, read-only.

    A table shows thousands separators and shares in percent; CSV, JSON and Parquet have the values as they are. In CSV,
    a text that a spreadsheet would run as a formula begins with an apostrophe. Scope and citations go to standard
    error; JSON and Parquet also contain them.
    """
    from orchestration.access.release import open_release

    with open_release(data) as release:
        if not sql:
            _show_tables(release)
            return
        check_output(form, output)
        from orchestration.access.query import run_query, tables_in, units_in

        rows = run_query(release, sql)
        about, units = release.about(tables_in(sql, release)), units_in(sql, release)
    write_rows(rows, about, units, form, output, limit)


def _show_tables(release: PublishedRelease) -> None:
    """The name, the number of rows and the first sentence of each table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("about", overflow="fold")
    for name, resource in sorted(release.tables.items()):
        first = resource["description"].split(". ")[0].removesuffix(".")
        if out.width < _MIN_TABLE_WIDTH:
            out.print(f"[bold]{name}[/]  {resource['rows']:,} rows. {escape(first)}.", soft_wrap=True)
        else:
            table.add_row(name, f"{resource['rows']:,}", escape(first))
    if table.row_count:
        out.print(table)
    out.print("\nColumns of a table: docs/data-dictionary.md, or:")
    out.print('  routerscope query "describe share_model"')
