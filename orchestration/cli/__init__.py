"""`routerscope`: asks what was published whether it is fresh, what it says, how to cite it, and where it comes from.

Reads only, and only what was published and the lake behind it; `python -m orchestration.cli.run` is what runs the
pipeline. What is computed stands in the rooms below; here are the words and the exit codes.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

from orchestration import __version__
from orchestration.access.trace import File, files_of, find_row
from orchestration.clock import parse_timestamp
from orchestration.errors import QueryError, RouterscopeError
from orchestration.openrouter.quota import REQUESTS_PER_DAY, RequestLog
from orchestration.publish.claim_history import CLAIM_HISTORY, ClaimVersion, check_claim
from orchestration.publish.datapackage import PACKAGE, SIMULATED
from orchestration.publish.freshness import ESSENTIAL, measures, surfaces
from orchestration.settings import PROJECT_DIR, data_folder
from orchestration.storage.lake import Lake
from orchestration.storage.releases import FILE_NAME
from orchestration.storage.sql import rows_as_dicts

OK, FAILED, DOUBTFUL, NO_LONGER = 0, 1, 3, 4
QUERY = "select author, share from share_author where period = $$week$$ order by period_start desc, rank limit 5"
_QUESTIONS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_ROWS_SHOWN = 100
_ANY_WIDTH = 1_000_000
_FILES_SHOWN = 12
_EPILOG = (
    "Exit codes: 0 all is as it should be; 1 it cannot be answered; 2 it was asked wrongly; 3 there is a doubt (stale, "
    "restated); 4 it no longer holds (too old, withdrawn, a raw file changed or missing)."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=_EPILOG,
    help=(
        "Ask what Routerscope published: is it fresh, what does it say, how is it cited, where does it come from.\n\n"
        "Figures are of the tokens routed through OpenRouter's public models, not of the world's."
    ),
)


class Form(StrEnum):
    """How rows are given."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class Style(StrEnum):
    """How a citation is written."""

    text = "text"
    markdown = "markdown"
    bibtex = "bibtex"


@dataclass(frozen=True)
class Published:
    """A generation that is open for reading, and what its package says of it."""

    data: Path
    folder: Path
    package: Mapping[str, Any]
    connection: duckdb.DuckDBPyConnection

    @property
    def tables(self) -> dict[str, Mapping[str, Any]]:
        return {one["name"]: one for one in self.package["resources"] if "schema" in one}

    @property
    def clock(self) -> dt.datetime:
        """Now; of replay and simulator what ROUTERSCOPE_NOW says, or else the time of the run that published."""
        if self.package["made"]["source"] == "live":
            return dt.datetime.now(dt.UTC)
        return parse_timestamp(os.environ.get("ROUTERSCOPE_NOW") or self.package["made"]["clock"])

    def surfaces(self, tables: Sequence[str]) -> set[str]:
        return {surface for table in tables if table in self.tables for surface in self.tables[table]["surfaces"]}

    def lines(self, tables: Sequence[str]) -> list[str]:
        """What to say below figures from these tables: what they are about, and whom to cite."""
        [(statement, caveats)] = self.connection.execute(
            "SELECT statement, caveats FROM scopes WHERE scope_id = ?", [self.package["scope_id"]]
        ).fetchall()
        mark = [SIMULATED] if self.package["is_simulated"] else []
        return [*mark, f"Scope: {statement} {caveats}", *self.citations(tables)]

    def citations(self, tables: Sequence[str]) -> list[str]:
        surfaces = self.surfaces(tables)
        rows = self.connection.execute("SELECT surface, citation FROM citations ORDER BY surface").fetchall()
        return [citation for surface, citation in rows if surface in surfaces]


@contextmanager
def _published(told: Path | None) -> Iterator[Published]:
    """What is published in a data folder. Which generation that is, is found out once: it stays the same throughout."""
    data = data_folder(told)
    folder = (data / "published").resolve()
    try:
        package = json.loads((folder / PACKAGE).read_text(encoding="utf-8"))
        connection = duckdb.connect(str(folder / FILE_NAME), read_only=True)
    except (OSError, ValueError, duckdb.Error) as error:
        raise QueryError(
            f"Nothing that can be read is published in {data} ({error}). Run `make run` first, or name another data "
            "folder with --data."
        ) from error
    with connection:
        yield Published(data, folder, package, connection)


Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder; else ROUTERSCOPE_DATA_DIR, or the one that was published to last."),
]
out, aside = Console(highlight=False), Console(stderr=True, highlight=False)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command(epilog="Example: routerscope status || echo 'look at it'. " + _EPILOG)
def status(data: Data = None, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Is what was published fresh and complete? What is missing, what quota is left, how did the last run end?"""
    with _published(data) as published:
        now = published.clock
        found = measures(published.connection, now)
        gaps = published.connection.execute(
            "SELECT surface, date, gap_reason FROM coverage WHERE slice = 'all' AND gap_reason IS NOT NULL "
            "AND gap_reason <> 'in_progress' AND surface IN ('rankings', 'apps') AND date > ? ORDER BY date, surface",
            [now.date() - dt.timedelta(days=28)],
        ).fetchall()
        never = sorted(set(surfaces()) - {measure.surface for measure in found})
        told: dict[str, Any] = {
            "data": str(published.data),
            "generation": published.package["generation"],
            "source": published.package["made"]["source"],
            "is_simulated": published.package["is_simulated"],
            "clock": now.isoformat(),
            "measures": [asdict(measure) | {"state": measure.state} for measure in found],
            "missing_days": [{"surface": one, "date": str(date), "reason": reason} for one, date, reason in gaps],
            "never_observed": never,
            "quota_left_today": _quota_left(published, now),
            "last_run": _last_run(published.data),
            "rejected": _rejected(published),
        }
    known = {measure.surface for measure in found}
    states = {measure.state for measure in found} | ({"too old"} if set(ESSENTIAL) - known else set())
    code = NO_LONGER if "too old" in states else DOUBTFUL if states != {"fresh"} or told["rejected"] else OK
    if as_json:
        typer.echo(json.dumps(told, indent=1))
    else:
        _show_status(told, code)
    raise typer.Exit(code)


def _quota_left(published: Published, now: dt.datetime) -> int | None:
    """Of the key's requests of the day; None where there is no key to count for."""
    path = published.data / "requests.sqlite"
    return RequestLog(path).remaining_today(now) if path.exists() else None


def _last_run(data: Path) -> dict[str, str] | None:
    """How the newest run over this data folder ended, from Dagster's history; None if it tells of none."""
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_DIR / "dagster_home"))
    import dagster as dg

    from orchestration.defs.runs import DATA_TAG

    with dg.DagsterInstance.get() as instance:
        records = instance.get_run_records(dg.RunsFilter(tags={DATA_TAG: str(data)}), limit=1)
    if not records:
        return None
    ended = records[0].end_time
    moment = dt.datetime.fromtimestamp(ended, dt.UTC).isoformat(timespec="seconds") if ended else "not yet"
    return {"run_id": records[0].dagster_run.run_id, "state": records[0].dagster_run.status.value, "ended": moment}


def _rejected(published: Published) -> str | None:
    """Why the newest build was refused, if that was after what is published."""
    why = published.data / "rejected" / "why.txt"
    if not why.exists():
        return None
    moment, _, reasons = why.read_text(encoding="utf-8").partition("\n")
    is_later = dt.datetime.fromisoformat(moment) > dt.datetime.fromisoformat(published.package["created"])
    return f"{moment}: {reasons.strip()}" if is_later else None


_LOOKS = {"fresh": "green", "stale": "yellow", "too old": "red"}
_WORDS = {OK: "Fresh and complete.", DOUBTFUL: "Usable, with a doubt.", NO_LONGER: "Some of it is too old."}


def _show_status(told: Mapping[str, Any], code: int) -> None:
    if told["is_simulated"]:
        out.print(f"[bold red]{SIMULATED}[/]")
    out.print(f"[bold]{_WORDS[code]}[/] Source {told['source']}, published in {escape(told['data'])}", soft_wrap=True)
    out.print(f"Generation {told['generation']}, looked at on {told['clock']}\n", soft_wrap=True)
    table = Table("surface", "measure", box=None, pad_edge=False)
    for column in ("value", "stale above", "too old above"):
        table.add_column(column, justify="right")
    table.add_column("state")
    for one in told["measures"]:
        look = _LOOKS[one["state"]]
        limits = (f"{one['warn_above']:g}", f"{one['error_above']:g}")
        table.add_row(
            one["surface"], one["name"], f"{round(one['value'], 1) + 0:.1f}", *limits, f"[{look}]{one['state']}[/]"
        )
    out.print(table)
    missing = ", ".join(f"{one['date']} ({one['surface']}: {one['reason']})" for one in told["missing_days"])
    out.print(f"\nMissing within 28 days: {missing or 'nothing'}", soft_wrap=True)
    out.print(f"Never observed: {', '.join(told['never_observed']) or 'nothing'}", soft_wrap=True)
    left = told["quota_left_today"]
    out.print(
        f"Quota left today: {f'{left} of {REQUESTS_PER_DAY} requests' if left is not None else 'no key was used'}"
    )
    run = told["last_run"]
    out.print(
        f"Last run: {run['state']}, ended {run['ended']} ({run['run_id'][:8]})" if run else "Last run: none on record"
    )
    if told["rejected"]:
        out.print(f"[yellow]A newer build was rejected,[/] {escape(told['rejected'])}", soft_wrap=True)


@app.command(epilog=f"Example: routerscope query '{QUERY}'. Without SQL it lists the tables. {_EPILOG}")
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the published tables.")] = "",
    form: Annotated[Form, typer.Option("--format", help="How the rows are given.")] = Form.table,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else the terminal.")] = None,
    data: Data = None,
) -> None:
    """Ask in SQL, read-only. What the figures are about and whom to cite is said with the result."""
    with _published(data) as published:
        if not sql:
            _show_tables(published)
            return
        if form is Form.parquet and output is None:
            raise typer.BadParameter("Parquet is not for the terminal: name a file with --output.")
        # What reads the tables needs no other file.
        published.connection.execute("SET enable_external_access = false; SET python_enable_replacements = false")
        try:
            statements = published.connection.extract_statements(sql)
            if len(statements) != 1:
                raise QueryError("One statement at a time, please. Nothing was asked.")
            if statements[0].type not in _QUESTIONS:
                raise QueryError("What was published is read-only: ask with SELECT. Nothing was changed.")
            relation = published.connection.sql(sql)
            if relation is None:
                raise QueryError("That is no question: it gives no rows. Nothing was changed.")
            rows = _with_own_names(relation.to_arrow_table())
        except duckdb.Error as error:
            raise QueryError(
                f"That cannot be answered: {error}\n`routerscope query` without SQL lists the tables."
            ) from error
        lines = published.lines(_tables_in(sql, published))
    try:
        _give(rows, lines, form, output)
    except OSError as error:
        raise QueryError(f"{output} cannot be written: {error.strerror or error}. Nothing was lost.") from error


def _tables_in(sql: str, published: Published) -> Sequence[str]:
    """The tables that a question asks; all of them, so that nobody goes uncited, if the parser does not know its words.

    DuckDB's own list of them fails on `JOIN … USING`.
    """
    import sqlglot  # here, since only this needs it, and it takes a while

    try:
        parsed = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return list(published.tables)
    return sorted({table.name.lower() for table in parsed.find_all(sqlglot.exp.Table)})


def _with_own_names(rows: pa.Table) -> pa.Table:
    """Columns of the same name told apart, as a, a_1, …: else one of them would be lost."""
    names: list[str] = []
    for name in rows.column_names:
        again = (f"{name}_{number}" for number in itertools.count(1))
        names.append(name if name not in names else next(one for one in again if one not in names))
    return rows.rename_columns(names)


def _flat(rows: pa.Table) -> pa.Table:
    """Lists and structs as JSON, which a CSV file can hold."""
    for number, field in enumerate(rows.schema):
        if pa.types.is_nested(field.type):
            told = [
                None if value is None else json.dumps(value, default=str) for value in rows.column(number).to_pylist()
            ]
            rows = rows.set_column(number, field.name, pa.array(told, pa.string()))
    return rows


def _show_tables(published: Published) -> None:
    table = Table("table", "rows", "about", box=None, pad_edge=False)
    for name, one in sorted(published.tables.items()):
        table.add_row(name, f"{one['rows']:,}", escape(one["description"]))
    out.print(table)
    out.print('\nWhat each column means: routerscope query "describe share_model", and docs/data-dictionary.md')


def _give(rows: pa.Table, lines: Sequence[str], form: Form, output: Path | None) -> None:
    if form is Form.parquet:
        assert output is not None  # noqa: S101  # asked for before
        metadata = {**(rows.schema.metadata or {}), b"routerscope": json.dumps(lines).encode()}
        pyarrow.parquet.write_table(rows.replace_schema_metadata(metadata), output)
    elif form is Form.csv:
        with output.open("wb") if output else sys.stdout.buffer as file:
            pyarrow.csv.write_csv(_flat(rows), file)
    elif form is Form.json:
        told = [{name: None if value != value else value for name, value in row.items()} for row in rows.to_pylist()]
        text = json.dumps({"about": lines, "rows": told}, indent=1, default=str, ensure_ascii=False)
        output.write_text(text + "\n", encoding="utf-8") if output else typer.echo(text)
    else:
        console = Console(file=output.open("w", encoding="utf-8"), width=200) if output else out
        cells = [[_cell(value) for value in row.values()] for row in rows.slice(0, _ROWS_SHOWN).to_pylist()]
        console.print(_across(rows.column_names, cells, console))
        if rows.num_rows > _ROWS_SHOWN:
            console.print(f"… {rows.num_rows - _ROWS_SHOWN:,} more rows: --format csv gives all of them")
    beside = aside if form is not Form.table or output else out
    beside.print()
    for line in lines:
        beside.print(escape(line), soft_wrap=True, style="dim")


def _across(names: Sequence[str], cells: Sequence[Sequence[str]], console: Console) -> Table | Group:
    """A row a line; where not even their words fit side by side, a column a line, row after row."""
    table = Table(*map(escape, names), box=None, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    needed = Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).minimum
    if not cells or needed <= console.width:
        return table
    records = [Table(show_header=False, box=None, pad_edge=False) for _ in cells]
    for record, row in zip(records, cells, strict=True):
        for name, cell in zip(names, row, strict=True):
            record.add_row(escape(name), cell)
    return Group(*(Padding(record, (0, 0, 1, 0)) for record in records))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))


@app.command(
    epilog="Examples: routerscope cite leading_model/week/2026-07-27 --style bibtex; later: routerscope cite --check "
    "leading_model/week/2026-07-27 --as-of 2026-08-04T00:05:19Z. " + _EPILOG
)
def cite(
    claim_id: Annotated[
        str, typer.Argument(help="Id of a sentence: kind/period/first day. Without one, lists them.")
    ] = "",
    style: Annotated[Style, typer.Option(help="How it is written.")] = Style.text,
    is_check: Annotated[bool, typer.Option("--check", help="Whether a sentence quoted earlier still holds.")] = False,
    as_of: Annotated[
        str,
        typer.Option("--as-of", metavar="MOMENT", help="The moment in the line it was quoted with; else the first."),
    ] = "",
    data: Data = None,
) -> None:
    """A sentence fit to quote, with its citation. With --check: unchanged, restated and by how much, or withdrawn."""
    with _published(data) as published:
        if not claim_id:
            if is_check:
                raise typer.BadParameter("--check needs the id of a sentence.")
            _show_claims(published)
        elif is_check:
            raise typer.Exit(_show_check(published, claim_id, as_of))
        else:
            typer.echo(_cited(published, claim_id, style))


def _show_claims(published: Published) -> None:
    rows = published.connection.execute(
        "SELECT claim_id, statement FROM claim QUALIFY period_start = max(period_start) OVER (PARTITION BY period) "
        "ORDER BY period, kind"
    ).fetchall()
    for identifier, statement in rows:
        out.print(f"[bold]{escape(identifier)}[/]", soft_wrap=True)
        out.print(f"  {escape(statement)}", soft_wrap=True)


def _cited(published: Published, claim_id: str, style: Style) -> str:
    rows = rows_as_dicts(published.connection.execute("FROM claim WHERE claim_id = ?", [claim_id]))
    if not rows:
        check_claim(claim_id, published.folder, published.data / CLAIM_HISTORY)  # says so if it was never said
        raise QueryError(
            f"{claim_id} is not said any more. `routerscope cite --check {claim_id}` tells what was said before."
        )
    claim = rows[0]
    checked = f"{claim['checked_at']:%Y-%m-%d}"
    if style is Style.markdown:
        return (
            f"> {claim['statement']}\n>\n> {claim['citation']} [{claim['source_url']}]({claim['source_url']}), checked "
            f"{checked}. {claim['caveat']}"
        )
    if style is Style.bibtex:
        key = "routerscope_" + claim_id.replace("/", "_").replace("-", "")
        return "\n".join(
            [
                f"@misc{{{key},",
                "  author = {{OpenRouter}},",
                f"  title = {{{{{_tex(claim['statement'])}}}}},",
                f"  year = {{{claim['as_of']:%Y}}},",
                f"  howpublished = {{\\url{{{claim['source_url']}}}}},",
                f"  note = {{{_tex(claim['citation'])} Claim {_tex(claim_id)}. {_tex(claim['caveat'])}}},",
                f"  urldate = {{{checked}}},",
                "}",
            ]
        )
    return f"{claim['statement']} {claim['citation']}\nChecked {checked}. {claim['caveat']}\n{claim['source_url']}"


def _tex(text: str) -> str:
    return "".join(
        {"{": r"\{", "}": r"\}", "\\": r"\textbackslash{}"}.get(one, f"\\{one}" if one in "%&_#$" else one)
        for one in text
    )


def _show_check(published: Published, claim_id: str, as_of: str) -> int:
    verdict = check_claim(claim_id, published.folder, published.data / CLAIM_HISTORY, _moment(as_of))
    then, now = verdict.then, verdict.now
    out.print(f"[bold]{verdict.state.capitalize()}.[/]", soft_wrap=True)
    _show_said("Said", then)
    if now is None:
        out.print("What was published last does not say it: the days may be gone, or nobody may lead beyond doubt.")
        return NO_LONGER
    if verdict.state == "unchanged":
        if now.statement == then.statement:
            out.print(f"The claim still holds, as of {now.as_of:%Y-%m-%dT%H:%M:%SZ}.", soft_wrap=True)
        else:
            _show_said("Now", now)
            out.print("Its wording changed; its value did not move beyond its rounding.", soft_wrap=True)
        if verdict.change:
            out.print(
                f"The value behind it has moved by {verdict.change}, which is below the rounding.", soft_wrap=True
            )
        return OK
    _show_said("Now", now)
    if verdict.change:
        out.print(f"The value has changed by {verdict.change}.")
    else:
        out.print(f"It is about {escape(now.subject)} now, no longer about {escape(then.subject)}.", soft_wrap=True)
    if len(verdict.versions) > 2:
        out.print(f"It was said in {len(verdict.versions)} ways in all.")
    return DOUBTFUL


def _show_said(word: str, said: ClaimVersion) -> None:
    out.print(f"{word}, as of {said.as_of:%Y-%m-%dT%H:%M:%SZ}: {escape(said.statement)}", soft_wrap=True)


def _moment(told: str) -> dt.datetime | None:
    return parse_timestamp(told).replace(tzinfo=None) if told else None


@app.command(
    epilog="Examples: routerscope trace share_author week 2026-07-27 anthropic; routerscope trace --all. " + _EPILOG
)
def trace(
    mart: Annotated[str, typer.Argument(help="A published table.")] = "",
    key: Annotated[list[str] | None, typer.Argument(help="Key of a row, in its order or as column=value.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Verify every raw file instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, with all files and whole hashes.")] = False,
    data: Data = None,
) -> None:
    """Where does a figure come from? Its raw files, their requests and hashes, and whether they are still intact."""
    with _published(data) as published:
        if is_all:
            raise typer.Exit(_trace_all(published, as_json))
        if not mart or mart not in published.tables or mart == "scopes":
            known = ", ".join(sorted(published.tables.keys() - {"scopes"}))
            raise QueryError(
                f"{f'There is no table {mart}' if mart else 'Name a table and the key of a row'}: {known}."
            )
        columns = published.tables[mart]["schema"]["primaryKey"]
        row = find_row(published.connection, mart, columns, key or [])
        files = files_of(published.connection, mart, row, published.tables[mart]["surfaces"], published.data / "raw")
    damaged = [file for file in files if file.state != "intact"]
    if as_json:
        told = {"table": mart, "row": row, "files": [asdict(file) for file in files]}
        typer.echo(json.dumps(told, indent=1, default=str, ensure_ascii=False))
    else:
        _show_trace(mart, row, files, damaged)
    raise typer.Exit(NO_LONGER if damaged or not files else OK)


def _show_trace(mart: str, row: Mapping[str, Any], files: Sequence[File], damaged: Sequence[File]) -> None:
    figures = Table(show_header=False, box=None, pad_edge=False)
    for name, value in row.items():
        if value is not None:
            figures.add_row(f"[dim]{escape(name)}[/]", _cell(value))
    out.print(f"[bold]{mart}[/]")
    out.print(figures)
    out.print(f"\n[bold]Supplied by {len(files)} raw file{'s' if len(files) != 1 else ''}[/], the newest first")
    for file in [*damaged, *(file for file in files if file not in damaged)][:_FILES_SHOWN]:
        look = "green" if file.state == "intact" else "bold red"
        days = f"{file.first_date}" + (f" … {file.last_date}" if file.last_date != file.first_date else "")
        out.print(f"[{look}]{file.state}[/]  {file.surface} ({escape(file.slice)}), {days}", soft_wrap=True)
        out.print(f"  file     raw/{escape(file.raw_file)}", soft_wrap=True)
        out.print(f"  request  {escape(file.request_url)}", soft_wrap=True)
        out.print(
            f"  made {file.as_of:%Y-%m-%dT%H:%M:%SZ}, fetched {file.fetched_at:%Y-%m-%dT%H:%M:%SZ}", soft_wrap=True
        )
        out.print(f"  payload  sha256 {file.payload_sha256}", soft_wrap=True)
    if len(files) > _FILES_SHOWN:
        out.print(f"… and {len(files) - _FILES_SHOWN} more: --json lists all")
    if damaged:
        out.print(
            f"[bold red]{len(damaged)} of {len(files)} raw files are not what they were: do not rely on the figure.[/]"
        )
    elif not files:
        out.print("[bold red]No raw file supplied it, which cannot be: please report it.[/]")
    else:
        out.print("Every one of them has the bytes that it was written with.")


def _trace_all(published: Published, as_json: bool) -> int:
    lake = Lake(published.data / "raw")
    there = {str(path.relative_to(lake.root)) for path in lake.files("*")}
    changed = sorted(str(path.relative_to(lake.root)) for path in lake.changed())
    told = published.connection.execute("SELECT DISTINCT raw_file FROM provenance").fetchall()
    missing = sorted({name for (name,) in told} - there)
    if as_json:
        typer.echo(json.dumps({"files": len(there), "changed": changed, "missing": missing}, indent=1))
    else:
        for name in changed:
            out.print(f"[bold red]changed[/]  raw/{escape(name)}", soft_wrap=True)
        for name in missing:
            out.print(f"[bold red]missing[/]  raw/{escape(name)}", soft_wrap=True)
        verdict = "all intact" if not (changed or missing) else f"{len(changed)} changed, {len(missing)} missing"
        out.print(f"{len(there):,} raw files in {escape(str(lake.root))}: {verdict}.", soft_wrap=True)
    return NO_LONGER if changed or missing else OK


def main() -> None:
    """Entry of the command `routerscope`."""
    try:
        app()
    except RouterscopeError as error:
        aside.print(escape(str(error)), soft_wrap=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
