"""A program that builds models/own with Spark: `python -m orchestration.usage.spark_program OWN_FOLDER MASTER`.

dbt runs four times: Spark adds up the logs, DuckDB finds the days and prices, Spark adds up the calls within everything
that their cost depends on, and DuckDB does the rest, which is small. Tables pass between the engines as Parquet:

    <data>/own/spark/own.db/<model>/        of Spark
    <data>/own/spark/<model>.parquet        of DuckDB

Spark's scratch files are there too. The folder is deleted at the end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
from dbt.adapters.spark.connections import SparkCredentials
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

from orchestration.storage.sql import literal
from orchestration.transform import DBT_PROGRAM, DBT_PYTHON
from orchestration.transform.dbt_program import prepare
from orchestration.usage.engines import STEP, dbt_arguments

# Tables that one engine builds and the other reads.
FROM_SPARK = ("int_own__logged_rows", "int_own__repeated_calls", "int_own__buckets")
FROM_DUCKDB = ("int_own__days", "int_own__offers", "int_own__thresholds")
_MEMORY = "3g"
_MAX_BROADCAST_BYTES = 256 * 2**20  # days and offers go to every worker, so that no call is shuffled to its price
_PARTITIONS = 64


def main(own: Path, master: str) -> int:
    scratch = own / "spark"
    shutil.rmtree(scratch, ignore_errors=True)
    session = _session(scratch, master)
    try:
        return _build(own, scratch, session)
    finally:
        session.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def _build(own: Path, scratch: Path, session: SparkSession) -> int:
    prepare()
    _check_sums()
    buckets = "int_own__buckets"
    _read_logs(session, own / "raw")
    _say("adding up your logs with Spark")
    if not _spark(own, ["tag:bulk"], [buckets]):
        return 1
    _read_in_duckdb(own, scratch, FROM_SPARK[:2])
    _say("finding the prices of your calls")
    if code := _duckdb(own, ["path:models/own", "path:seeds/own"], ["tag:bulk", f"{buckets}+"]):
        return code
    _read_in_spark(own, scratch, session)
    _say("pricing your calls with Spark")
    if not _spark(own, [buckets], []):
        return 1
    _read_in_duckdb(own, scratch, FROM_SPARK)
    _say("pricing your calls")
    return _duckdb(own, [f"{buckets}+"], ["tag:bulk"])


def _session(scratch: Path, master: str) -> SparkSession:
    """A session whose tables, scratch files and catalog are in this folder and end with it."""
    builder = SparkSession.builder.appName("routerscope").master(master)
    options = {
        "spark.driver.memory": _MEMORY,
        "spark.local.dir": str(scratch / "scratch"),
        "spark.sql.warehouse.dir": str(scratch),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(_PARTITIONS),
        "spark.sql.autoBroadcastJoinThreshold": str(_MAX_BROADCAST_BYTES),
        # Otherwise the scale of an amount is cut where it is multiplied.
        "spark.sql.decimalOperations.allowPrecisionLoss": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _check_sums() -> None:
    """Have Spark raise an error where a sum overflows; dbt-spark would have it return null."""
    initialize = SparkCredentials.__post_init__

    def with_ansi(credentials: SparkCredentials) -> None:
        initialize(credentials)
        credentials.server_side_parameters["spark.sql.ansi.enabled"] = "true"

    SparkCredentials.__post_init__ = with_ansi  # type: ignore[assignment, method-assign]


def _read_logs(session: SparkSession, raw: Path) -> None:
    """The view raw.calls over every stored log, as the macro create_own_views makes it in DuckDB."""
    pattern = f"{raw}/*/*.parquet".replace("`", "``")
    session.sql("create database raw")
    session.sql(
        "create view raw.calls as select _metadata.file_path as raw_file, _metadata.row_index as file_row_number, * "  # noqa: S608
        f"from parquet.`{pattern}`"
    )


def _read_in_spark(own: Path, scratch: Path, session: SparkSession) -> None:
    with duckdb.connect(str(own / "warehouse.duckdb"), read_only=True) as connection:
        for name in FROM_DUCKDB:
            file = scratch / f"{name}.parquet"
            connection.execute(f"copy own.{name} to {literal(file)} (format parquet)")
            session.read.parquet(str(file)).write.saveAsTable(f"own.{name}", format="parquet")


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
