"""`routerscope trace`: the raw files behind a published row, and whether they are unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from orchestration.cli.terminal import Data, ExitCode, format_cell, json_text, out
from orchestration.errors import QueryError
from orchestration.formatting import iso_timestamp

if TYPE_CHECKING:
    from orchestration.access.release import PublishedRelease
    from orchestration.access.trace import RawFile, Row

_MAX_FILES_SHOWN = 12


def trace(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A published table.")] = "",
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY", help="Key of a row: values in the key's order, or column=value."),
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Verify every raw file instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with all files, for programs.")] = False,
    data: Data = None,
) -> None:
    """Trace a row to the raw files that supplied it.

    Shows each file's request and payload hash, and verifies that the file is unchanged.
    """
    from orchestration.access.release import open_release, units_of
    from orchestration.access.trace import files_of, find_row
    from orchestration.storage.lake import LAKE_FOLDER

    if bool(table) == is_all:
        raise typer.BadParameter(
            "Name a table and the key of a row, or use --all. `routerscope query` lists the tables."
        )
    with open_release(data) as release:
        if is_all:
            raise typer.Exit(_trace_all(release, as_json))
        if table not in release.tables or table == "scopes":
            raise QueryError(
                f"There is no table {table}. The tables are {', '.join(sorted(release.tables.keys() - {'scopes'}))}."
            )
        resource = release.tables[table]
        row = find_row(release.connection, table, resource["schema"]["primaryKey"], key or [])
        files = files_of(release.connection, table, row, resource["surfaces"], release.data / LAKE_FOLDER)
    damaged = [file for file in files if file.state != "intact"]
    if as_json:
        typer.echo(json_text({"table": table, "row": row, "files": [asdict(file) for file in files]}).encode())
    else:
        _show(table, row, units_of(resource), files, damaged)
    raise typer.Exit(ExitCode.INVALID if damaged or not files else ExitCode.OK)


def _show(table: str, row: Row, units: Mapping[str, str], files: Sequence[RawFile], damaged: Sequence[RawFile]) -> None:
    values = Table(show_header=False, box=None, pad_edge=False)
    values.add_column(overflow="fold")
    values.add_column(overflow="fold")
    for name, value in row.items():
        if value is not None:
            values.add_row(f"[dim]{escape(name)}[/]", Text(format_cell(value, name, units.get(name))))
    out.print(f"[bold]{table}[/]")
    out.print(values)
    count = f"{len(files)} raw file{'s' if len(files) != 1 else ''}"
    out.print(f"\n[bold]Supplied by {count}[/]{', newest first' if len(files) > 1 else ''}")
    for file in [*damaged, *(file for file in files if file not in damaged)][:_MAX_FILES_SHOWN]:
        style = "green" if file.state == "intact" else "bold red"
        days = f"{file.first_date}" + (f" to {file.last_date}" if file.last_date != file.first_date else "")
        out.print(f"[{style}]{file.state}[/]  {file.surface} ({escape(file.slice)}), {days}", soft_wrap=True)
        out.print(f"  file     raw/{escape(file.raw_file)}", soft_wrap=True)
        out.print(f"  request  {escape(file.request_url)}", soft_wrap=True)
        out.print(f"  as of    {iso_timestamp(file.as_of)}, fetched {iso_timestamp(file.fetched_at)}", soft_wrap=True)
        out.print(f"  payload  sha256 {file.payload_sha256}", soft_wrap=True)
    if len(files) > _MAX_FILES_SHOWN:
        out.print(f"… and {len(files) - _MAX_FILES_SHOWN} more: --json lists all")
    if damaged:
        found = f"Changed or missing: {len(damaged)} of {len(files)} raw files"
        out.print(f"[bold red]{found}. Do not rely on the figure.[/]", soft_wrap=True)
    elif not files:
        out.print("[bold red]No raw file supplies this row, which is a bug. Please report it.[/]", soft_wrap=True)
    else:
        out.print("Every file is unchanged: its bytes match the hash in its name.", soft_wrap=True)


def _trace_all(release: PublishedRelease, as_json: bool) -> ExitCode:
    from orchestration.access.trace import audit_lake
    from orchestration.storage.lake import LAKE_FOLDER

    root = release.data / LAKE_FOLDER
    found = audit_lake(release.connection, root)
    if as_json:
        typer.echo(json_text(asdict(found)).encode())
    else:
        for state, names in (("changed", found.changed), ("missing", found.missing)):
            for name in names:
                out.print(f"[bold red]{state}[/]  raw/{escape(name)}", soft_wrap=True)
        damage = f"{len(found.changed)} changed, {len(found.missing)} missing"
        result = damage if found.changed or found.missing else "all intact"
        out.print(f"{found.files:,} raw files in {escape(str(root))}: {result}.", soft_wrap=True)
    return ExitCode.INVALID if found.changed or found.missing else ExitCode.OK
