"""Own calls priced with Spark: the same marts as with DuckDB, and errors without Spark."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PROJECT
from engines import differing

from orchestration.errors import SettingsError, WarehouseError
from orchestration.settings import Engine
from orchestration.storage.sql import literal
from orchestration.usage import engines
from orchestration.usage.build import build_own, own_file

pytestmark = pytest.mark.xdist_group("own_data")


@pytest.fixture
def unpriced(own_data: Path, tmp_path: Path) -> Path:
    """A data folder with the logs and the release of `own_data`, in which nothing is built yet."""
    data = tmp_path / "it's `data`"
    shutil.copytree(own_data / "own" / "raw", data / "own" / "raw")
    (data / "published").symlink_to((own_data / "published").resolve())
    return data


@pytest.fixture
def java() -> None:
    """Skips the test without Java, and fails it in CI."""
    if not shutil.which("java"):
        problem = "java is not installed (Debian: apt-get install default-jre-headless)"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)


def on_spark(monkeypatch: pytest.MonkeyPatch, master: str = "local[2]") -> None:
    monkeypatch.setenv("ROUTERSCOPE_ENGINE", "spark")
    monkeypatch.setenv("ROUTERSCOPE_SPARK_MASTER", master)
    # Java's optimizing compiler takes longer than it gains on logs this small.
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@pytest.mark.usefixtures("java")
@pytest.mark.spark
def test_marts_on_spark_equal_those_on_duckdb(own_data: Path, unpriced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_spark(monkeypatch)
    stages: dict[str, float] = {}
    assert build_own(unpriced, stages.__setitem__)
    assert stages == dict.fromkeys(
        [
            "adding up your logs with Spark",
            "finding the prices of your calls",
            "pricing your calls with Spark",
            "pricing your calls",
        ],
        1.0,
    ) | {"reading the models": 0}
    assert differing(own_file(own_data), own_file(unpriced)) == {}
    assert not (unpriced / "own" / "spark").exists()  # nothing of a call stays behind


@pytest.fixture
def thrift_server(tmp_path: Path) -> Iterator[int]:
    """The port of a Spark Thrift server with a catalog of its own."""
    import pyspark

    home = Path(pyspark.__file__).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "server"
    folder.mkdir()
    settings = ["driver.host=127.0.0.1", "driver.bindAddress=127.0.0.1", "ui.enabled=false"]
    command = [
        *(home / "bin" / "spark-submit", "--master", "local[2]"),
        *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
        *(part for setting in settings for part in ("--conf", f"spark.{setting}")),
        *("spark-internal", "--hiveconf", f"hive.server2.thrift.port={port}"),
        *("--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"),
    ]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=os.environ | {"SPARK_HOME": str(home)}, stdout=log, stderr=log, process_group=0
        ) as server,
    ):
        try:
            for _ in range(240):
                time.sleep(0.5)
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            else:
                pytest.fail((folder / "server.log").read_text(encoding="utf-8")[-4_000:])
            yield port
        finally:
            os.killpg(server.pid, signal.SIGKILL)


@pytest.mark.usefixtures("java")
@pytest.mark.long
def test_marts_of_a_spark_server_equal_those_on_duckdb(
    own_data: Path, unpriced: Path, thrift_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyhive import hive

    on_spark(monkeypatch, f"thrift://127.0.0.1:{thrift_server}")
    own = unpriced / "own"
    with contextlib.closing(hive.connect("127.0.0.1", thrift_server)) as connection:
        cursor = connection.cursor()
        # Another host's build holds the database; then a build of these calls left it behind.
        cursor.execute("create database routerscope_own comment '/other/own'")
        with pytest.raises(WarehouseError, match="Spark exited with code 1 before it built anything"):
            build_own(unpriced)
        message = (own / "dbt_spark" / "stderr.log").read_text(encoding="utf-8")
        assert "has a database routerscope_own for /other/own. Nothing was built." in message
        cursor.execute("drop database routerscope_own")
        cursor.execute(f"create database routerscope_own comment {literal(own)}")
        assert build_own(unpriced)
        cursor.execute("show databases")
        assert cursor.fetchall() == [("default",)]
    assert differing(own_file(own_data), own_file(unpriced)) == {}
    assert not (own / "spark").exists()


@pytest.mark.usefixtures("java")
def test_spark_error_names_spark_and_its_messages(unpriced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_spark(monkeypatch, "nonsense")
    program = unpriced / "program"
    program.write_text('#!/bin/sh\necho "no master: $4" >&2\nexit 1\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(engines, "DBT_PYTHON", str(program))
    with pytest.raises(WarehouseError) as error:
        build_own(unpriced)
    messages = unpriced / "own" / "dbt_spark" / "stderr.log"
    assert "Spark exited with code 1 before it built anything" in str(error.value)
    assert str(messages) in str(error.value)
    assert messages.read_text(encoding="utf-8") == "no master: nonsense\n"


def test_unusable_spark_is_an_error_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_spark(monkeypatch)
    with pytest.raises(SettingsError, match=r"reads \[ \] in .* as a pattern"):
        engines.run_models(tmp_path / "[data]", Engine.load(), lambda _stage, _share: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="needs Java 17"):
        engines.run_models(tmp_path, Engine.load(), lambda _stage, _share: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"--editable '\.\[spark\]'"):
        engines.run_models(tmp_path, Engine.load(), lambda _stage, _share: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["thrift://", "thrift://host:port", "thrift://:10000"])
def test_address_without_server_is_an_error(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_spark(monkeypatch, address)
    with pytest.raises(SettingsError, match=r"Set it to an address such as thrift://host:10000"):
        engines.run_models(tmp_path, Engine.load(), lambda _stage, _share: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("java")
@pytest.mark.long
def test_spark_joins_calls_to_broadcast_tables_and_shuffles_sums(unpriced: Path) -> None:
    """In the plan of the buckets, Spark reads calls once, and moves only sums; a sum that overflows is an error."""
    for folder in engines.TARGETS.values():
        (unpriced / "own" / folder).mkdir()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("spark_plan.py")), str(unpriced / "own")],
        cwd=PROJECT,
        env=os.environ | {"ROUTERSCOPE_DATA_DIR": str(unpriced)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    plan = done.stdout.partition("== Physical Plan ==")[2].splitlines()
    assert sum("FileScan parquet [source" in line for line in plan) == 1
    assert not any("SortMergeJoin" in line or "Python" in line for line in plan)
    # The sums of calls, and their numbers. Prices are added up apart, below the sums of calls.
    partial_sums = next(number for number, line in enumerate(plan) if "partial_sum" in line)
    assert sum(" Exchange " in line for line in plan[:partial_sums]) == 2
    assert "sum: ARITHMETIC_OVERFLOW" in done.stdout
