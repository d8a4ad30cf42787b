"""The checks that a release must pass before it is published; each one covers the release as a whole.

No check lists tables: each examines every table of the release, so a new table is covered without a change here. Rules
about the figures of a single mart are dbt data tests, beside the SQL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.publish.candidate import ReleaseCandidate
from orchestration.publish.catalog import RESPONSES
from orchestration.publish.datapackage import CITATION, PACKAGE, SCOPE_OF, attachments, unit_of
from orchestration.publish.overclaims import OverclaimFinder
from orchestration.publish.rebuilt_rows import differing_rows, has_equal_rows
from orchestration.storage.files import sha256
from orchestration.storage.lake import LEDGER
from orchestration.storage.releases import FILE_NAME
from orchestration.storage.sql import file_pattern, literal, quoted, rows_as_dicts

PROVENANCE_COLUMNS = ("scope_id", "source_url", "as_of", "oldest_as_of", "checked_at")
SCOPES = "scopes"
# The schema of the views over the lake.
RAW = "raw"
MAX_SAMPLE_ROWS = 20
# Columns in tokens that limit a request rather than count traffic.
_TOKEN_LIMITS = ("context_length", "max_completion_tokens")
_REBUILD = "Run the whole job `refresh`, which creates the views and builds again"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """A check: its name, what holds if it passes, and the function that yields the violations."""

    name: str
    description: str
    find: Callable[[ReleaseCandidate, duckdb.DuckDBPyConnection], Iterator[Row]]


@dataclass(frozen=True)
class Result:
    """The result of a check: the number of violations and the first of them, each with `table` and `problem`."""

    check: Check
    sample: Sequence[Row]
    count: int

    @property
    def passed(self) -> bool:
        return not self.count

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        first = ", ".join(f"{name}: {value}" for name, value in self.sample[0].items()) if self.sample else "passed"
        return f"{self.check.name}: {first}{more}"


def audit(candidate: ReleaseCandidate) -> list[Result]:
    """The results of all checks, in order; a check that fails or cannot run does not stop the others."""
    results = []
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(candidate.folder / FILE_NAME)} as published (read_only)")
        connection.execute(f"attach {literal(candidate.warehouse)} as warehouse (read_only)")
        connection.execute("use published")
        for check in CHECKS:
            try:
                found = list(check.find(candidate, connection))
            except duckdb.Error as error:
                found = [{"table": check.name, "problem": f"the check cannot run: {error}"}]
            results.append(Result(check, found[:MAX_SAMPLE_ROWS], len(found)))
    return results


def _inventory(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    ledger, root = candidate.lake.ledger(), candidate.lake.root
    lost = {name for name in ledger if not (root / name).exists()}
    for name in sorted(lost):
        yield {
            "table": f"{RAW}.{ledger[name]['surface']}",
            "problem": (
                "a raw file was lost: the ledger lists it, but it does not exist. Restore it from a backup, or delete "
                f"{root / LEDGER} and run again: the run rebuilds the ledger from the files that exist"
            ),
            "raw_file": name,
        }
    listed: dict[str, dict[str, list[int]]] = {RESPONSES: {}}
    for name, row in ledger.items():
        if name not in lost:
            listed[RESPONSES][name] = [row["rows"]]
            files = listed.setdefault(row["surface"], {})
            files |= {name: [row["rows"]]} if row["rows"] else {}
    kinds = dict(
        connection.execute(
            "select table_name, table_type from information_schema.tables "
            "where table_catalog = 'warehouse' and table_schema = $schema",
            {"schema": RAW},
        ).fetchall()
    )
    for view in sorted(listed.keys() | kinds.keys()):
        if kinds.get(view) != "VIEW":
            reason = "it is a table, which does not follow the lake" if view in kinds else "it is missing"
            yield {"table": f"{RAW}.{view}", "problem": f"is not a view over the lake: {reason}. {_REBUILD}"}
            continue
        yield from _differing_files(connection, view, listed.get(view, {}))


def _differing_files(
    connection: duckdb.DuckDBPyConnection, view: str, listed: Mapping[str, list[int]]
) -> Iterator[Row]:
    """Files for which the number of rows in a raw view differs from the number in the ledger.

    In the view `responses`, each file is one row, whose column `rows` is compared.
    """
    rows = "list(rows)" if view == RESPONSES else "[count(*)]"
    try:
        returned = dict(
            connection.execute(
                f"select raw_file, {rows} from warehouse.{RAW}.{quoted(view)} group by raw_file"  # noqa: S608
            ).fetchall()
        )
    except duckdb.Error as error:
        yield {"table": f"{RAW}.{view}", "problem": f"cannot be read: {error}. {_REBUILD}"}
        return
    for name in sorted(listed.keys() | returned.keys(), key=str):
        in_view, in_ledger = (
            " and ".join(f"{number} rows" for number in counts.get(name, ())) or "nothing"
            for counts in (returned, listed)
        )
        if in_view != in_ledger:
            yield {
                "table": f"{RAW}.{view}",
                "problem": f"returns {in_view} of a file for which the ledger lists {in_ledger}. {_REBUILD}",
                "raw_file": name,
            }


def _provenance(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    for table in candidate.tables:
        if table.name == SCOPES:
            continue
        relation = connection.table(quoted(table.name))
        if missing := [column for column in PROVENANCE_COLUMNS if column not in relation.columns]:
            yield {"table": table.name, "problem": f"has no column {', '.join(missing)}"}
            continue
        incomplete = relation.filter(
            " or ".join(f"{column} is null" for column in PROVENANCE_COLUMNS)
            + " or oldest_as_of > as_of or not starts_with(source_url, 'https://')"
        )
        if rows := len(incomplete):
            yield {
                "table": table.name,
                "problem": f"{rows} rows have no valid scope, source or times",
                **_first(incomplete.project(", ".join(map(quoted, (*table.key, *PROVENANCE_COLUMNS))))),
            }


def _scope(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    expected = SCOPE_OF[candidate.kind]
    defined = {scope for (scope,) in connection.sql(f"select scope_id from {SCOPES}").fetchall()}  # noqa: S608
    if expected not in defined:
        yield {"table": SCOPES, "problem": f"does not define the scope {expected}"}
    for table in candidate.tables:
        relation = connection.table(quoted(table.name))
        if table.name == SCOPES or "scope_id" not in relation.columns:
            continue
        for scope, rows in relation.aggregate("scope_id, count(*)").fetchall():
            if scope != expected:
                of_scope = f"scope_id is not distinct from {'null' if scope is None else literal(scope)}"
                yield {
                    "table": table.name,
                    "problem": f"{rows} rows have the scope {scope}; the scope of {candidate.kind} data is {expected}",
                    **_first(relation.filter(of_scope)),
                }


def _overclaims(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    finder = OverclaimFinder(names=candidate.third_party_names(connection))
    for place, texts in candidate.texts(connection):
        for found in finder.find(texts):
            yield {"table": place, "problem": f"“{found.phrase}”: {found.reason}", "sentence": found.sentence}


def _tokenizer(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    note = "tokenizer"
    for table in candidate.tables:
        for column, description in table.columns.items():
            if unit_of(column) == "tokens" and column not in _TOKEN_LIMITS and note not in description:
                yield {
                    "table": f"{table.name}.{column}",
                    "problem": "counts tokens, but does not state that each provider has its own tokenizer",
                }
    scopes = connection.sql(
        f"select scope_id from {SCOPES} where scope_id <> 'simulated' and not contains(caveats, '{note}')"  # noqa: S608
    )
    for (scope,) in scopes.fetchall():
        yield {
            "table": SCOPES,
            "problem": f"the caveats of {scope} do not state that each provider has its own tokenizer",
        }
    if "claim" in {table.name for table in candidate.tables}:
        without_note = connection.table("claim").filter(
            f"contains(unit, 'tokens') and scope_id <> 'simulated' and not contains(caveat, '{note}')"
        )
        for claim_id, statement in without_note.project("claim_id, statement").fetchall():
            yield {
                "table": "claim",
                "problem": "adds up tokens, but its caveat does not state that each provider has its own tokenizer",
                "claim_id": claim_id,
                "statement": statement,
            }


def _datapackage(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    resources = json.loads((candidate.folder / PACKAGE).read_text(encoding="utf-8"))["resources"]
    described = {resource["path"]: resource for resource in resources}
    files = {path.name for path in candidate.folder.iterdir() if path.is_file()} - {PACKAGE, CITATION}
    files |= set(attachments(candidate.folder))
    for name in sorted(described.keys() ^ files):
        problem = f"is described in {PACKAGE}, but missing" if name in described else f"is not described in {PACKAGE}"
        yield {"table": name, "problem": problem}
    changed = {
        name
        for name in described.keys() & files
        if f"sha256:{sha256(candidate.folder / name)}" != described[name]["hash"]
    }
    for name in sorted(changed):
        yield {"table": name, "problem": f"has a hash that differs from {PACKAGE}"}
    tables = connection.sql("select table_name from duckdb_tables() where database_name = 'published'").fetchall()
    copied, expected = {name for (name,) in tables}, {table.name for table in candidate.tables}
    for name in sorted(copied ^ expected):
        problem = f"is in {FILE_NAME}, but not a published table" if name in copied else f"is missing from {FILE_NAME}"
        yield {"table": name, "problem": problem}
    for name in sorted(copied):
        parquet = candidate.folder / f"{name}.parquet"
        if parquet.name in files - changed:
            shapes = {connection.read_parquet(file_pattern(parquet)).shape, connection.table(quoted(name)).shape}
            if len(shapes) > 1:
                yield {
                    "table": name,
                    "problem": f"differs in rows and columns between Parquet and DuckDB: {sorted(shapes)}",
                }


def _reproducible(candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    for table in candidate.tables:
        if table.name == SCOPES:  # a seed
            continue
        if not (sql := candidate.sql.get(table.name)):
            yield {"table": table.name, "problem": "its compiled SQL is missing"}
            continue
        if has_equal_rows(connection, "published", table, sql):
            continue
        found = differing_rows(connection, "published", table, sql)
        if rows := len(found):
            yield {
                "table": table.name,
                "problem": f"{rows} rows differ from what its SQL returns when it runs again on the same inputs",
                **_first(found),
            }


def _first(relation: duckdb.DuckDBPyRelation) -> dict[str, str]:
    [row] = rows_as_dicts(relation.limit(1))
    return {name: str(value) for name, value in row.items()}


CHECKS = (
    Check(
        "inventory",
        "The build read the whole lake: each raw view returns the files and rows that the lake's ledger lists.",
        _inventory,
    ),
    Check(
        "provenance",
        "Every row of every table states its scope, its source, and when the response was made and fetched.",
        _provenance,
    ),
    Check("scope", "All rows have the scope of the data in the lake: real and simulated data never mix.", _scope),
    Check(
        "overclaims",
        "No text claims more than the scope allows: figures count tokens that one router forwarded.",
        _overclaims,
    ),
    Check(
        "tokenizer",
        "Wherever tokens are added up, a note says that each provider has its own tokenizer.",
        _tokenizer,
    ),
    Check(
        "datapackage",
        "The data package describes every file as it is, and DuckDB and Parquet hold the same tables.",
        _datapackage,
    ),
    Check(
        "reproducible",
        "The SQL of every mart, run again on the same inputs, returns the rows of the release.",
        _reproducible,
    ),
)
