"""A program that builds models/own with Spark: `python -m orchestration.usage.spark_program OWN_FOLDER MASTER`.

dbt runs four times: Spark adds up the logs, DuckDB finds the days and prices, Spark adds up the calls within everything
that their cost depends on, and DuckDB does the rest, which is small. Tables pass between the engines as Parquet:

    <data>/own/spark/own.db/<model>/            of Spark
    <data>/own/spark/<model>/<model>.parquet    of DuckDB

Spark's scratch files are there too. The folder, and the database in Spark's catalog, are deleted at the end.

The master is one for a session of this process, or `thrift://host:port` of a Spark Thrift server.
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import duckdb
from dbt.adapters.spark.connections import SparkConnectionMethod, SparkCredentials
from dbt.cli.main import dbtRunner

from orchestration.storage.sql import literal
from orchestration.transform import DBT_PROGRAM, DBT_PYTHON
from orchestration.transform.dbt_program import prepare
from orchestration.usage.engines import STEP, THRIFT, THRIFT_PORT, dbt_arguments

# Models of Spark that need tables of DuckDB.
PRICED_BY_SPARK = ("int_own__placed_calls", "int_own__buckets")
# Tables that one engine builds and the other reads.
FROM_SPARK = ("int_own__logged_rows", "int_own__repeated_calls", "int_own__buckets")
FROM_DUCKDB = ("int_own__days", "int_own__offers", "int_own__thresholds")
# As in dbt's macro generate_schema_name and in the source `usage`.
_DATABASE = "routerscope_own"
_MEMORY = "3g"
_OPTIONS = {
    # dbt-spark switches it off. With it, Spark raises an error where a sum overflows, instead of returning null.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "64",
    # Days and offers, of at most 256 MB, go to every worker, so that no call is shuffled to its price.
    "spark.sql.autoBroadcastJoinThreshold": str(256 * 2**20),
    # Otherwise the scale of an amount is cut where it is multiplied.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
}
# The method that Spark generates to explain charges is so large that Java would interpret it.
_JAVA_OPTIONS = "-XX:-DontCompileHugeMethods"


class Spark(Protocol):
    """A connection to Spark."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement; returns its rows."""


def main(own: Path, master: str) -> int:
    scratch = own / "spark"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    server = master if master.startswith(THRIFT) else ""
    try:
        with _served(server) if server else _session(scratch, master) as spark, _database(spark, own, scratch):
            _set_up_dbt(server)
            return _build(own, scratch, spark)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _build(own: Path, scratch: Path, spark: Spark) -> int:
    priced = "int_own__buckets+"
    _read_logs(spark, own / "raw")
    _say("adding up your logs with Spark")
    if not _spark(own, ["tag:bulk"], PRICED_BY_SPARK):
        return 1
    _read_in_duckdb(own, scratch, FROM_SPARK[:2])
    _say("finding the prices of your calls")
    if code := _duckdb(own, ["path:models/own", "path:seeds/own"], ["tag:bulk", priced]):
        return code
    _read_in_spark(own, scratch, spark)
    _say("pricing your calls with Spark")
    if not _spark(own, PRICED_BY_SPARK, []):
        return 1
    _read_in_duckdb(own, scratch, FROM_SPARK)
    _say("pricing your calls")
    return _duckdb(own, [priced], ["tag:bulk"])


class _Session:
    def __init__(self, session: Any) -> None:
        self._session = session

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._session.sql(sql).collect()]


class _Served:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()


@contextmanager
def _session(scratch: Path, master: str) -> Iterator[Spark]:
    """A session whose tables, scratch files and catalog are in this folder and end with it."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("routerscope").master(master)
    options = _OPTIONS | {
        "spark.driver.memory": _MEMORY,
        "spark.driver.extraJavaOptions": _JAVA_OPTIONS,
        "spark.executor.extraJavaOptions": _JAVA_OPTIONS,
        "spark.local.dir": str(scratch / "scratch"),
        "spark.sql.warehouse.dir": str(scratch),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield _Session(session)
    finally:
        session.stop()


@contextmanager
def _served(server: str) -> Iterator[Spark]:
    from pyhive import hive

    address = urlsplit(server)
    connection = hive.connect(
        host=address.hostname,
        port=address.port or THRIFT_PORT,
        username=address.username or getpass.getuser(),
        configuration=_OPTIONS,
    )
    try:
        yield _Served(connection)
    finally:
        connection.close()


@contextmanager
def _database(spark: Spark, own: Path, scratch: Path) -> Iterator[None]:
    """The database of one build. Its comment is the folder of the calls: another build on the server finds it and ends.

    A database that a killed build of the same folder left behind is replaced.
    """
    if spark.rows(f"show databases like {literal(_DATABASE)}"):
        facts = dict(row[:2] for row in spark.rows(f"describe database {_DATABASE}"))
        if facts.get("Comment") != str(own):
            sys.exit(
                f"The Spark server has a database {_DATABASE} for {facts.get('Comment')}. Nothing was built. Wait "
                f"until that build has ended; if none is running, drop it: drop database {_DATABASE} cascade"
            )
        spark.rows(f"drop database {_DATABASE} cascade")
    spark.rows(f"create database {_DATABASE} comment {literal(own)} location {literal(scratch / 'own.db')}")
    try:
        yield
    finally:
        spark.rows(f"drop database {_DATABASE} cascade")


def _set_up_dbt(server: str) -> None:
    """Have dbt-spark use these options, and the server if there is one."""
    prepare()
    initialize = SparkCredentials.__post_init__
    address = urlsplit(server)

    def with_options(credentials: SparkCredentials) -> None:
        if server:
            credentials.method = SparkConnectionMethod.THRIFT
            credentials.host, credentials.port = address.hostname, address.port or THRIFT_PORT
            credentials.user = address.username or getpass.getuser()
            credentials.poll_interval = 1  # seconds
        initialize(credentials)
        credentials.server_side_parameters |= _OPTIONS

    SparkCredentials.__post_init__ = with_options  # type: ignore[assignment, method-assign]


def _read_logs(spark: Spark, raw: Path) -> None:
    """The view of every stored log, as the macro create_own_views makes it in DuckDB."""
    pattern = f"{raw}/*/*.parquet".replace("`", "``")
    spark.rows(
        f"create view {_DATABASE}.calls as "  # noqa: S608
        "select _metadata.file_path as raw_file, _metadata.row_index as file_row_number, * "
        f"from parquet.`{pattern}`"
    )


def _read_in_spark(own: Path, scratch: Path, spark: Spark) -> None:
    with duckdb.connect(str(own / "warehouse.duckdb"), read_only=True) as connection:
        for name in FROM_DUCKDB:
            folder = scratch / name
            folder.mkdir()
            connection.execute(f"copy own.{name} to {literal(folder / f'{name}.parquet')} (format parquet)")
            spark.rows(f"create table {_DATABASE}.{name} using parquet location {literal(folder)}")


def _read_in_duckdb(own: Path, scratch: Path, names: Sequence[str]) -> None:
    with duckdb.connect(str(own / "warehouse.duckdb")) as connection:
        connection.execute("create schema if not exists own")
        for name in names:
            files = literal(scratch / "own.db" / name / "*.parquet")
            connection.execute(f"create or replace view own.{name} as from read_parquet({files})")


def _spark(own: Path, select: Sequence[str], exclude: Sequence[str]) -> bool:
    return dbtRunner().invoke(dbt_arguments(own, "own_spark", select, exclude)).success


def _duckdb(own: Path, select: Sequence[str], exclude: Sequence[str]) -> int:
    command = [DBT_PYTHON, *DBT_PROGRAM, *dbt_arguments(own, "own", select, exclude)]
    return subprocess.run(command, check=False).returncode  # noqa: S603  # our own dbt, with fixed arguments


def _say(stage: str) -> None:
    sys.stdout.write(f"{STEP}{stage}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
