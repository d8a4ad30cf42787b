"""Releases loaded into Postgres one after the other, as the guide shows, leave the tables of the newest."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path

import duckdb
import postgres
import psycopg2
import pytest
from conftest import PROJECT, Run

from orchestration.publish.schema import SCHEMA_VERSION
from orchestration.storage.sql import literal

LOAD = runpy.run_path(str(PROJECT / "docs" / "how-to" / "load_postgres.py"))["load"]

pytestmark = pytest.mark.xdist_group("postgres_load")


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg2.extensions.connection]:
    with postgres.server() as url:
        opened = psycopg2.connect(url)
        yield opened
        opened.close()


def contents(connection: psycopg2.extensions.connection, schema: str) -> dict[str, list[tuple]]:
    """Table → its rows as texts in any order, without the loader's own table."""
    with connection, connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = %s and tablename <> '_loaded'", [schema])
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f'select t::text from "{schema}"."{table}" as t order by t::text collate "C"')
            found[table] = cursor.fetchall()
    return found


def changes(old: Path, new: Path, table: str, key: list[str]) -> tuple[int, int]:
    """Rows of a table that are in the old release only, and rows that are new or differ."""
    before, after = (f"read_parquet('{folder}/{table}.parquet')" for folder in (old, new))
    keys = ", ".join(f'"{column}"' for column in key)
    return tuple(
        duckdb.sql(sql).fetchall()[0][0]
        for sql in (
            f"select count(*) from (select {keys} from {before} except select {keys} from {after})",
            f"select count(*) from (from {after} except from {before})",
        )
    )


def write_release(folder: Path, hash_: str, rows: str) -> str:
    """A release with the table `prices` of these rows, and an empty table that never changes; returns its path."""
    folder.mkdir()
    duckdb.sql(f"copy ({rows}) to {literal(folder / 'prices.parquet')}")
    duckdb.sql(f"copy (select 1 as k where false) to {literal(folder / 'empty.parquet')}")
    resources = [
        {"name": name, "path": f"{name}.parquet", "hash": content, "schema": {"primaryKey": ["k"]}}
        for name, content in (("prices", hash_), ("empty", "same"))
    ]
    package = {"schema_version": SCHEMA_VERSION, "resources": resources}
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    return str(folder)


def test_load_writes_only_what_differs(connection: psycopg2.extensions.connection, tmp_path: Path) -> None:
    """Of the second release, one row is new, one is gone, and one changed although its checked_at did not."""
    price = "{'prompt': 0.123456789012345678901234::decimal(38, 24)}"
    rows = f"""
        select k::bigint as k, text, [text, null] as texts, {price} as price, k / 3e0 as number,
        timestamp '2026-08-06 00:00:01' as checked_at
    """
    first = write_release(tmp_path / "it's", "1", f"{rows} from (values (1, 'a'), (2, ''), (3, null)) as t(k, text)")
    awkward = """', "quoted" \\n\\ line' || chr(10) || '日本'"""
    second = write_release(
        tmp_path / "second",
        "2",
        f"{rows}, case when k = 4 then date '2026-08-07' end as added "
        f"from (values (1, {awkward}), (2, ''), (4, null)) as t(k, text)",
    )
    assert LOAD(first, connection) == {"prices": (0, 3), "empty": (0, 0)}
    assert LOAD(second, connection) == {"prices": (1, 2)}
    assert LOAD(second, connection) == {}
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select k, text, texts, cast(price ->> 'prompt' as numeric(38, 24)), number, checked_at, added "
            "from routerscope.prices order by k"
        )
        loaded = cursor.fetchall()
    expected = duckdb.sql(f"select * replace (price.prompt as price) from '{second}/prices.parquet' order by k")
    assert loaded == expected.fetchall()


def test_other_schema_version_is_not_loaded(connection: psycopg2.extensions.connection, tmp_path: Path) -> None:
    release = Path(write_release(tmp_path / "release", "1", "select 1 as k"))
    package = release / "datapackage.json"
    newer = package.read_text(encoding="utf-8").replace('"schema_version": 1', '"schema_version": 2')
    package.write_text(newer, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"schema version 2, not 1\. Nothing was loaded"):
        LOAD(str(release), connection, "other")


@pytest.mark.long
def test_incremental_load_equals_full_load(
    few_run: Run, everything: Run, connection: psycopg2.extensions.connection
) -> None:
    old, new = few_run.data / "published", everything.data / "published"
    LOAD(str(old), connection, "incremental")
    changed = LOAD(str(new), connection, "incremental")
    LOAD(str(new), connection, "full")
    ours, theirs = contents(connection, "incremental"), contents(connection, "full")
    assert ours.keys() == everything.marts().keys()
    assert [table for table, rows in theirs.items() if ours[table] != rows] == []
    assert {table: len(rows) for table, rows in ours.items()} == {
        table: len(rows) for table, rows in everything.marts().items()
    }
    deleted, written = changed["model_scorecard"]
    assert (deleted, written) == changes(old, new, "model_scorecard", ["model_permaslug"])
    assert deleted > 0, "models left the list: their rows must go"
    assert LOAD(str(new), connection, "incremental") == {}, "nothing is written twice"
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select model_id, cast(prices ->> 'prompt' as numeric(38, 24)) from incremental.price_current order by 1"
        )
        assert cursor.fetchall() == everything.query("select model_id, prices.prompt from price_current order by 1")
