"""What a generation must pass as a whole before anybody can see it: the last look, over everything that is shown.

Nothing here has a list of tables: what is in the generation is looked at, so that a new table is held to it by itself.
Laws about the figures of single marts are dbt's data tests, beside the SQL.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish.datapackage import CITATION, PACKAGE, SCOPE_OF, others, sha256, unit_of
from orchestration.publish.overclaims import Words
from orchestration.storage.lake import LEDGER, Lake
from orchestration.storage.warehouse import FILE_NAME, Table, file_pattern, literal, quoted

PROVENANCE = ("scope_id", "source_url", "as_of", "oldest_as_of", "checked_at")
SCOPES = "scopes"
# The schema of the views over the lake, and the one of them that has a row a file, of whatever surface.
RAW = "raw"
RESPONSES = "responses"
# Columns of tokens that speak of no traffic.
_LIMITS = ("context_length", "max_completion_tokens")
_SAMPLE = 20
_BUILD_AGAIN = "Run the whole job `refresh`, which makes the views and builds again"
_DRAWN = re.compile(r'<script type="application/json"[^>]*>(.*?)</script>', re.DOTALL)
_SCRIPTS = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Generation:
    """A generation to look at, its lake and the kind of data in it, and the SQL that each of its marts was made by."""

    folder: Path
    tables: Sequence[Table]
    kind: str
    warehouse: Path
    lake: Lake
    sql: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One look: its name, what it makes sure of, and what finds the rows that break it."""

    name: str
    description: str
    find: Callable[[Generation, duckdb.DuckDBPyConnection], Iterator[Row]]


@dataclass(frozen=True)
class Result:
    """What a check found: the first rows that break it, each with the table and the problem in words, and how many."""

    check: Check
    sample: Sequence[Row]
    count: int

    @property
    def passed(self) -> bool:
        return not self.count

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        first = ", ".join(f"{name}: {value}" for name, value in self.sample[0].items()) if self.sample else "nothing"
        return f"{self.check.name}: {first}{more}"


def audit(generation: Generation) -> list[Result]:
    """Every check over the generation, in order; all of them, whatever the first ones find."""
    results = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(generation.folder / FILE_NAME)} AS published (READ_ONLY)")
        connection.execute(f"ATTACH {literal(generation.warehouse)} AS warehouse (READ_ONLY)")
        connection.execute("USE published")
        for check in CHECKS:
            try:
                found = list(check.find(generation, connection))
            except duckdb.Error as error:  # what one check cannot read must not hide what another has found
                found = [{"table": check.name, "problem": f"the check could not be run: {error}"}]
            results.append(Result(check, found[:_SAMPLE], len(found)))
    return results


def _inventory(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    ledger, root = generation.lake.ledger(), generation.lake.root
    lost = {name for name in ledger if not (root / name).exists()}
    for name in sorted(lost):
        yield {
            "table": f"{RAW}.{ledger[name]['surface']}",
            "problem": (
                "an observation was lost: the ledger lists the file, and it is gone. Restore it from a copy, or delete "
                f"{root / LEDGER}, which is then rebuilt from the files that are there, and run again"
            ),
            "raw_file": name,
        }
    wanted: dict[str, dict[str, list[int]]] = {RESPONSES: {}}
    for name, row in ledger.items():
        if name not in lost:
            wanted[RESPONSES][name] = [row["rows"]]
            files = wanted.setdefault(row["surface"], {})
            files |= {name: [row["rows"]]} if row["rows"] else {}
    kinds = dict(
        connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables "
            "WHERE table_catalog = 'warehouse' AND table_schema = $schema",
            {"schema": RAW},
        ).fetchall()
    )
    for view in sorted(wanted.keys() | kinds.keys()):
        if kinds.get(view) != "VIEW":
            is_there = "it is a table, which stays as it is when the lake grows" if view in kinds else "it is missing"
            yield {"table": f"{RAW}.{view}", "problem": f"is no view over the lake: {is_there}. {_BUILD_AGAIN}"}
            continue
        yield from _differing_files(connection, view, wanted.get(view, {}))


def _differing_files(
    connection: duckdb.DuckDBPyConnection, view: str, wanted: Mapping[str, list[int]]
) -> Iterator[Row]:
    """Files of which a raw view gives other rows than the ledger lists; of `observations`, the rows that it states."""
    rows = "list(rows)" if view == RESPONSES else "[count(*)]"
    try:
        found = dict(
            connection.execute(
                f"SELECT raw_file, {rows} FROM warehouse.{RAW}.{quoted(view)} GROUP BY raw_file"  # noqa: S608
            ).fetchall()
        )
    except duckdb.Error as error:
        yield {"table": f"{RAW}.{view}", "problem": f"cannot be read: {error}. {_BUILD_AGAIN}"}
        return
    for name in sorted(wanted.keys() | found.keys(), key=str):
        given, listed = (
            " and ".join(f"{number} rows" for number in of.get(name, ())) or None for of in (found, wanted)
        )
        if given != listed:
            yield {
                "table": f"{RAW}.{view}",
                "problem": (
                    f"gives {given or 'nothing'} of a file for which the lake's ledger lists {listed or 'nothing'}. "
                    f"{_BUILD_AGAIN}"
                ),
                "raw_file": name,
            }


def _provenance(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    for table in generation.tables:
        if table.name == SCOPES:
            continue
        relation = connection.table(quoted(table.name))
        if missing := [column for column in PROVENANCE if column not in relation.columns]:
            yield {"table": table.name, "problem": f"has no column {', '.join(missing)}"}
            continue
        empty = relation.filter(
            " OR ".join(f"{column} IS NULL" for column in PROVENANCE)
            + " OR oldest_as_of > as_of OR NOT starts_with(source_url, 'https://')"
        )
        if rows := len(empty):
            yield {
                "table": table.name,
                "problem": f"{rows} rows do not say where they come from and when",
                **_first(empty.project(", ".join(map(quoted, (*table.key, *PROVENANCE))))),
            }


def _scope(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    wanted = SCOPE_OF[generation.kind]
    known = {scope for (scope,) in connection.sql(f"SELECT scope_id FROM {SCOPES}").fetchall()}  # noqa: S608
    if wanted not in known:
        yield {"table": SCOPES, "problem": f"does not know the scope {wanted}"}
    for table in generation.tables:
        relation = connection.table(quoted(table.name))
        if table.name == SCOPES or "scope_id" not in relation.columns:
            continue
        for scope, rows in relation.aggregate("scope_id, count(*)").fetchall():
            if scope != wanted:
                yield {
                    "table": table.name,
                    "problem": f"{rows} rows of scope {scope} among {generation.kind} data, whose scope is {wanted}",
                    **_first(relation.filter(f"scope_id IS NOT DISTINCT FROM {_text(scope)}")),
                }


def _words(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    words = Words(names=_names(generation, connection))
    for where, texts in _texts(generation, connection):
        for finding in words.findings(texts):
            yield {"table": where, "problem": f"“{finding.words}”: {finding.reason}", "sentence": finding.sentence}


def _names(generation: Generation, connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names that others have given, of whatever words: a sentence may name them."""
    return {
        name
        for table in generation.tables
        for column in table.third_party_text
        for (name,) in connection.table(quoted(table.name)).project(quoted(column)).distinct().fetchall()
        if name
    }


def _texts(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Sequence[str]]]:
    """Every text that a reader may see, but for names and words of others, with the place where it stands."""
    for name in (PACKAGE, CITATION):
        if (path := generation.folder / name).exists():
            yield name, [path.read_text(encoding="utf-8")]
    for name in others(generation.folder):
        if (suffix := Path(name).suffix) in (".html", ".md"):
            text = (generation.folder / name).read_text(encoding="utf-8")
            yield name, [_plain(text) if suffix == ".html" else text]
    for table in generation.tables:
        yield table.name, [table.description, *table.columns.values()]
        relation = connection.table(quoted(table.name))
        for column, kind in zip(relation.columns, map(str, relation.types), strict=True):
            if kind == "VARCHAR" and column not in table.third_party_text:
                # One word claims nothing.
                told = relation.project(quoted(column)).distinct().filter(f"contains({quoted(column)}, ' ')")
                yield f"{table.name}.{column}", [text for (text,) in told.fetchall()]


def _plain(page: str) -> str:
    """The words of a page, and those that its charts write; what stands in one element apart from that of the next."""
    told = html.unescape(_MARKUP.sub("\n\n", _SCRIPTS.sub("", page)))
    return "\n\n".join([told, *(title for chart in _DRAWN.findall(page) for title in _titles(json.loads(chart)))])


def _titles(chart: Any) -> Iterator[str]:
    """The titles of axes, legends and tooltips, wherever they stand in a chart's specification."""
    for name, part in chart.items() if isinstance(chart, dict) else enumerate(chart):
        if name == "title" and isinstance(part, str):
            yield part
        elif name != "values" and isinstance(part, dict | list):
            yield from _titles(part)


def _tokenizer(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    note = "tokenizer"
    for table in generation.tables:
        for column, description in table.columns.items():
            if unit_of(column) == "tokens" and column not in _LIMITS and note not in description:
                yield {
                    "table": f"{table.name}.{column}",
                    "problem": "counts tokens and does not say that each provider has its own tokenizer",
                }
    scopes = connection.sql(
        f"SELECT scope_id FROM {SCOPES} WHERE scope_id <> 'simulated' AND NOT contains(caveats, '{note}')"  # noqa: S608
    )
    for (scope,) in scopes.fetchall():
        yield {
            "table": SCOPES,
            "problem": f"the caveats of {scope} do not say that each provider has its own tokenizer",
        }
    if "claim" in {table.name for table in generation.tables}:
        silent = connection.table("claim").filter(
            f"contains(unit, 'tokens') AND scope_id <> 'simulated' AND NOT contains(caveat, '{note}')"
        )
        for claim_id, statement in silent.project("claim_id, statement").fetchall():
            yield {
                "table": "claim",
                "problem": "adds up tokens of several providers and does not say that each has its own tokenizer",
                "claim_id": claim_id,
                "statement": statement,
            }


def _package(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    told = json.loads((generation.folder / PACKAGE).read_text(encoding="utf-8"))["resources"]
    files = {resource["path"]: resource for resource in told}
    there = {path.name for path in generation.folder.iterdir() if path.is_file()} - {PACKAGE, CITATION}
    there |= set(others(generation.folder))
    for name in sorted(files.keys() ^ there):
        yield {"table": name, "problem": "described, but not there" if name in files else "there, but not described"}
    for name in sorted(files.keys() & there):
        if f"sha256:{sha256(generation.folder / name)}" != files[name]["hash"]:
            there.remove(name)
            yield {"table": name, "problem": "is not the file that was described: its hash is another"}
    tables = connection.sql("SELECT table_name FROM duckdb_tables() WHERE database_name = 'published'").fetchall()
    held, wanted = {name for (name,) in tables}, {table.name for table in generation.tables}
    for name in sorted(held ^ wanted):
        yield {"table": name, "problem": f"is in {FILE_NAME}, and in no list" if name in held else "is missing"}
    for name in sorted(held):
        parquet = generation.folder / f"{name}.parquet"
        if parquet.name in there:
            pair = {connection.read_parquet(file_pattern(parquet)).shape, connection.table(quoted(name)).shape}
            if len(pair) > 1:
                yield {"table": name, "problem": f"has other rows or columns in Parquet than in DuckDB: {sorted(pair)}"}


def _reproducible(generation: Generation, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    for table in generation.tables:
        if table.name == SCOPES:  # a seed
            continue
        if not (sql := generation.sql.get(table.name)):
            yield {"table": table.name, "problem": "the SQL that it was made by is not there"}
            continue
        found = differing(connection, "published", table, sql)
        if rows := len(found):
            yield {
                "table": table.name,
                "problem": f"{rows} rows are not what the model gives, asked once more over the same inputs",
                **_first(found),
            }


def differing(connection: duckdb.DuckDBPyConnection, schema: str, table: Table, sql: str) -> duckdb.DuckDBPyRelation:
    """Rows of a table that are not those that its SQL gives: the key, and in `differing` which columns differ."""
    told = f"{schema}.{quoted(table.name)}"
    relation = connection.sql(f"FROM {told}")
    keys, first = [quoted(key) for key in table.key], quoted(table.key[0])
    differs = {
        column: _differs(quoted(column), str(kind))
        for column, kind in zip(relation.columns, relation.types, strict=True)
        if column not in table.key
    }
    named = ", ".join(f"CASE WHEN {test} THEN '{name}' END" for name, test in differs.items())
    return connection.sql(
        f"""
        SELECT
            {", ".join(f"coalesce(told.{key}, again.{key}) AS {key}" for key in keys)},
            CASE
                WHEN again.{first} IS NULL THEN 'it is too much'
                WHEN told.{first} IS NULL THEN 'it is missing'
                ELSE concat_ws(', ', {named})
            END AS differing
        FROM {told} AS told
        FULL JOIN ({sql}) AS again
            ON {" AND ".join(f"told.{key} IS NOT DISTINCT FROM again.{key}" for key in keys)}
        WHERE told.{first} IS NULL OR again.{first} IS NULL OR {" OR ".join(differs.values())}
        """  # noqa: S608
    )


def _differs(column: str, kind: str) -> str:
    """SQL for whether two tellings of a column differ; sums of doubles depend on their order in the last digits."""
    if kind != "DOUBLE":
        return f"told.{column} IS DISTINCT FROM again.{column}"
    told, again = f"told.{column}", f"again.{column}"
    is_off = f"abs({told} - {again}) > 1e-9 * greatest(abs({told}), abs({again}))"
    return f"(({told} IS NULL) <> ({again} IS NULL) OR coalesce({is_off}, false))"


def _first(relation: duckdb.DuckDBPyRelation) -> dict[str, str]:
    row = relation.limit(1).fetchall()[0]
    return {name: str(value) for name, value in zip(relation.columns, row, strict=True)}


def _text(value: object) -> str:
    return "NULL" if value is None else literal(value)


CHECKS = (
    Check(
        "inventory",
        "The build read what the lake holds: each raw view gives the files and rows that the lake's ledger lists.",
        _inventory,
    ),
    Check(
        "provenance",
        "Every row of every table says what traffic it speaks of, where it comes from, when that was made and fetched.",
        _provenance,
    ),
    Check("scope", "All tables speak of the one scope of the data in the lake: real and simulated never meet.", _scope),
    Check(
        "words",
        "No text claims more than was observed: tokens that one router sent on.",
        _words,
    ),
    Check(
        "tokenizer", "Wherever tokens are added up, it is said that each provider has its own tokenizer.", _tokenizer
    ),
    Check(
        "package",
        "The files, what describes them, and the tables in them are the same in DuckDB and Parquet.",
        _package,
    ),
    Check(
        "reproducible",
        "Asked once more over the same inputs, every model gives the rows that are to be published.",
        _reproducible,
    ),
)
