"""Make tables in Postgres equal to a release of Routerscope. Only rows that differ are written.

    python load_postgres.py <release> <connection> [<schema>]

`<release>` is the folder or the address of a dated release, `<connection>` a connection string of Postgres; leave the
password to PGPASSWORD or ~/.pgpass. Needs the packages duckdb and psycopg2. warehouses.md describes the steps.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.sql import SQL, Composed, Identifier

SCHEMA_VERSION = 1  # for which this program was written
TYPES = {"DOUBLE": "double precision", "VARCHAR": "text"}  # lists and structs become jsonb; others keep their names


def load(release: str, postgres: Connection, schema: str = "routerscope") -> dict[str, tuple[int, int]]:
    """Load the tables that differ, all in one transaction; returns table → rows deleted, rows inserted or updated."""
    [(text,)] = duckdb.sql(f"select content from read_text({literal(f'{release}/datapackage.json')})").fetchall()
    package = json.loads(text)
    if (version := package.get("schema_version")) != SCHEMA_VERSION:
        sys.exit(f"{release} has schema version {version}, not {SCHEMA_VERSION}. Nothing was loaded.")
    changed = {}
    with postgres, postgres.cursor() as cursor:
        cursor.execute(SQL("create schema if not exists {}").format(Identifier(schema)))
        cursor.execute(SQL("set local search_path to {}, pg_temp").format(Identifier(schema)))
        cursor.execute("create table if not exists _loaded (name text primary key, hash text)")
        cursor.execute("lock table _loaded in exclusive mode")  # one load at a time
        cursor.execute("select name, hash from _loaded")
        loaded = dict(cursor.fetchall())
        for table in package["resources"]:
            if "schema" in table and loaded.get(table["name"]) != table["hash"]:
                changed[table["name"]] = load_table(cursor, f"{release}/{table['path']}", table)
                cursor.execute(
                    "insert into _loaded values (%s, %s) on conflict (name) do update set hash = excluded.hash",
                    (table["name"], table["hash"]),
                )
    return changed


def load_table(cursor: Cursor, file: str, table: dict[str, Any]) -> tuple[int, int]:
    """Make one table equal to a Parquet file; returns the rows deleted, and the rows inserted or updated."""
    relation = duckdb.sql(f"from read_parquet({literal(file)})")
    kinds = {name: postgres_type(str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)}
    key = table["schema"]["primaryKey"]
    names = {
        "table": Identifier(table["name"]),
        "key": listed("{}", key),
        "columns": listed("{}", kinds),
        "same_key": SQL(" and ").join(SQL("target.{0} = staged.{0}").format(Identifier(name)) for name in key),
        "set": listed("{0} = excluded.{0}", kinds),
        "old": listed("target.{}", kinds),
        "new": listed("excluded.{}", kinds),
    }
    typed = [SQL("{} " + kind).format(Identifier(name)) for name, kind in kinds.items()]
    cursor.execute(
        SQL("create table if not exists {table} ({typed}, primary key ({key}))").format(
            typed=SQL(", ").join(typed), **names
        )
    )
    for column in typed:  # a newer release may have more columns
        cursor.execute(SQL("alter table {table} add column if not exists {column}").format(column=column, **names))
    cursor.execute(SQL("create temp table staged (like {table}) on commit drop").format(**names))
    columns = ", ".join(f'to_json("{name}")' if kind == "jsonb" else f'"{name}"' for name, kind in kinds.items())
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "rows.csv"
        duckdb.sql(f"copy (select {columns} from read_parquet({literal(file)})) to {literal(csv)} (header false)")
        with csv.open(encoding="utf-8") as rows:
            cursor.copy_expert(SQL("copy staged ({columns}) from stdin (format csv)").format(**names), rows)
    cursor.execute(
        SQL("delete from {table} as target where not exists (select from staged where {same_key})").format(**names)
    )
    deleted = cursor.rowcount
    cursor.execute(
        SQL(
            "insert into {table} as target ({columns}) select {columns} from staged "
            "on conflict ({key}) do update set {set} where ({old}) is distinct from ({new})"
        ).format(**names)
    )
    written = cursor.rowcount
    cursor.execute("drop table staged")
    return deleted, written


def listed(pattern: str, names: Iterable[str]) -> Composed:
    """The names, quoted, each in a pattern, separated by commas."""
    return SQL(", ").join(SQL(pattern).format(Identifier(name)) for name in names)


def postgres_type(kind: str) -> str:
    """The type in Postgres of a type of DuckDB."""
    return "jsonb" if kind.endswith("[]") or kind.startswith("STRUCT") else TYPES.get(kind, kind)


def literal(value: object) -> str:
    """A text in SQL of DuckDB."""
    return "'" + str(value).replace("'", "''") + "'"


if __name__ == "__main__":
    for name, (deleted, written) in load(sys.argv[1], psycopg2.connect(sys.argv[2]), *sys.argv[3:]).items():
        print(f"{name}: {deleted} rows deleted, {written} inserted or updated")
