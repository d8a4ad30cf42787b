"""Run dbt over models/own: on DuckDB alone, or with Spark for the models tagged `bulk`, which read every call.

    <data>/own/dbt/         logs, results and parse state of dbt on DuckDB
    <data>/own/dbt_spark/   the same on Spark, with Spark's own messages in stderr.log

What Spark does is in `spark_program`, so that nothing here loads it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from orchestration.errors import SettingsError, WarehouseError
from orchestration.folders import PROJECT_DIR
from orchestration.settings import Engine
from orchestration.storage.files import read_json, replace_when_complete
from orchestration.transform import DBT_PROGRAM, DBT_PYTHON

# Target of dbt → the folder, in the folder of the own calls, for what dbt writes about it.
TARGETS = {"own": "dbt", "own_spark": "dbt_spark"}
# A Spark Thrift server as the master, and the port that it has by default.
THRIFT, THRIFT_PORT = "thrift://", 10_000
# A line that a program prints before each of its runs of dbt.
STEP = "Step: "
_MESSAGES = "stderr.log"
_PATTERN_CHARACTERS = set("*?[]{}\\")
_FINISHED = re.compile(r"\d+ of (\d+) (?:OK(?! hook)|PASS|FAIL|ERROR|SKIP)")
# What is done, and how much of it, from 0 to 1.
Progress = Callable[[str, float], None]


def run_models(data: Path, engine: Engine, progress: Progress) -> None:
    """Build and test the models about own calls in `<data>/own/warehouse.duckdb`.

    Raises SettingsError if the engine is not installed, and WarehouseError if a model or check fails.
    """
    own = data / "own"
    is_on_spark = engine.name == "spark"
    if is_on_spark:
        _require_spark(own, engine.spark_master)
    targets = list(TARGETS) if is_on_spark else ["own"]
    for target in targets:
        _prepare(own / TARGETS[target], target)
    progress("reading the models", 0)
    spark = ["-m", "orchestration.usage.spark_program", str(own), engine.spark_master]
    duckdb = [*DBT_PROGRAM, *dbt_arguments(own, "own", ["path:models/own", "path:seeds/own"])]
    messages = own / TARGETS[targets[-1]] / _MESSAGES
    with (
        messages.open("wb") as stderr,
        subprocess.Popen(  # noqa: S603  # our own programs, with fixed arguments
            [DBT_PYTHON, *(spark if is_on_spark else duckdb)],
            cwd=PROJECT_DIR,
            env=os.environ | {"ROUTERSCOPE_DATA_DIR": str(data)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        ) as program,
    ):
        try:
            _watch(program.stdout or (), progress)
        except BaseException:
            os.killpg(program.pid, signal.SIGKILL)  # with the programs that it started
            raise
    if program.returncode:
        raise WarehouseError(_describe_failure([own / TARGETS[target] for target in targets], program.returncode))
    for target in targets:
        with contextlib.suppress(OSError), replace_when_complete(_shared_state(target)) as temporary:
            shutil.copyfile(_state(own / TARGETS[target]), temporary)


def dbt_arguments(own: Path, target: str, select: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
    """Arguments of dbt that build these models of a target, with their data tests."""
    folder = str(own / TARGETS[target])
    return [
        *("--no-use-colors", "--log-path", folder, "--log-level-file", "info", "build", "--target", target),
        *("--select", *select, *(("--exclude", *exclude) if exclude else ()), "--exclude-resource-type", "unit_test"),
        *("--profiles-dir", str(PROJECT_DIR), "--target-path", folder),
    ]


def _require_spark(own: Path, master: str) -> None:
    is_served = master.startswith(THRIFT)
    if is_served and not _has_host(master):
        raise SettingsError(
            "ROUTERSCOPE_SPARK_MASTER is not the address of a Spark Thrift server. Nothing was built. Set it to an "
            "address such as thrift://host:10000."
        )
    needed = ["dbt.adapters.spark", "pyhive" if is_served else "pyspark"]
    if any(importlib.util.find_spec(name) is None for name in needed):
        raise SettingsError(
            "ROUTERSCOPE_ENGINE is spark, which is not installed. Nothing was built. Install it: "
            ".venv/bin/pip install --editable '.[spark]'"
        )
    if not is_served and not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise SettingsError(
            "ROUTERSCOPE_ENGINE is spark, which needs Java 17 or newer, and there is no java. Nothing was built. On "
            "Debian: apt-get install default-jre-headless"
        )
    if found := sorted(set(str(own)) & _PATTERN_CHARACTERS):
        raise SettingsError(
            f"ROUTERSCOPE_ENGINE is spark, which reads {' '.join(found)} in {own} as a pattern. Nothing was built. Use "
            "a data folder without such characters, or ROUTERSCOPE_ENGINE=duckdb."
        )


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        return False


def _prepare(folder: Path, target: str) -> None:
    """A folder for dbt, with what it parsed for other data folders."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run_results.json").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        if not _state(folder).exists():
            shutil.copyfile(_shared_state(target), _state(folder))


def _state(folder: Path) -> Path:
    return folder / "partial_parse.msgpack"


def _shared_state(target: str) -> Path:
    return _state(PROJECT_DIR / "target" / target)


def _watch(lines: Iterable[str], progress: Progress) -> None:
    done, stage = 0, "pricing your calls"
    for line in lines:
        if line.startswith(STEP):
            done, stage = 0, line.removeprefix(STEP).strip()
            progress(stage, 0)
        elif found := _FINISHED.search(line):
            done += 1
            progress(stage, done / int(found[1]))


def _describe_failure(folders: Sequence[Path], exit_code: int) -> str:
    failed = []
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, LookupError):
            results = read_json(folder / "run_results.json")["results"]
            failed += [
                (one["unique_id"].split(".")[2], one["status"], folder)
                for one in results
                if one["status"] in ("error", "fail", "runtime error")
            ]
    # Not dbt's messages, which may quote values of a log.
    reasons = [f"  {name}: {status}" for name, status, _ in failed]
    if not reasons:
        ended = f"was ended by signal {-exit_code}" if exit_code < 0 else f"exited with code {exit_code}"
        reasons = [f"  {'Spark' if len(folders) > 1 else 'dbt'} {ended} before it built anything"]
    log = failed[0][2] / "dbt.log" if failed else folders[-1] / _MESSAGES
    return "\n".join(
        [
            "The marts about your calls were not built:",
            *reasons,
            f"Your logs and the marts published before are unchanged. The reasons are in {log}.",
        ]
    )
