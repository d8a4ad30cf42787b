"""The results of dbt's last build: which models and checks failed, in sentences, and rows that failed checks found.

dbt writes `run_results.json` into its target folder, `<data>/dbt`. Rejecting the build is up to the caller.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from orchestration.storage.files import read_json
from orchestration.transform.manifest import MANIFEST, describe_test

MAX_SAMPLE_ROWS = 20
# Rows that a warning lists. Each is something to look at, such as a suspect day.
MAX_WARNING_ROWS = 10
_MAX_SENTENCE_COLUMNS = 5
# With less free space, dbt cannot write its own files and exits without a message.
_MIN_FREE_BYTES = 8 * 1024 * 1024
_FILE_NAME: Final = "run_results.json"
# Everything that must have a result before a build is approved.
_EXPECTED = {name for name, node in MANIFEST["nodes"].items() if node["resource_type"] in ("model", "seed", "test")}

Result = Mapping[str, Any]


def target_folder(data: Path) -> Path:
    """Where dbt writes its own files while it builds the warehouse of a data folder."""
    return data / "dbt"


def compiled_path(node: Mapping[str, Any], data: Path) -> Path:
    """The file of the SQL that dbt compiled for a node of the manifest in the last build."""
    return target_folder(data) / "compiled" / str(node["package_name"]) / str(node["original_file_path"])


def remove_results(target: Path) -> None:
    """Remove the results of the previous build, which a build that exits early would not replace."""
    (target / _FILE_NAME).unlink(missing_ok=True)


class BuildResults:
    """The results of dbt's last command in a target folder; none if it exited before it wrote them."""

    def __init__(self, target: Path, warehouse: Path, exit_code: int | None = 0) -> None:
        """`exit_code` is dbt's; a negative one is the signal that ended it."""
        self._target, self._warehouse, self._exit_code = target, warehouse, exit_code or 0
        self._results: dict[str, Result] = {result["unique_id"]: result for result in _read(target)}

    def get(self, unique_id: str) -> Result | None:
        """The result of a model, seed or test of the manifest."""
        return self._results.get(unique_id)

    @property
    def is_killed(self) -> bool:
        """Whether a signal ended dbt."""
        return self._exit_code < 0

    @property
    def is_empty(self) -> bool:
        """Whether dbt exited before it built or checked anything."""
        return not self._results

    @property
    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._target).free

    @property
    def is_disk_full(self) -> bool:
        """Whether dbt could not write its own files."""
        return self._free_bytes < _MIN_FREE_BYTES

    def failed(self) -> list[Result]:
        """Models that could not be built and checks whose failure must keep the build from being published."""
        return [result for result in self._results.values() if is_failure(result)]

    def missing(self) -> set[str]:
        """Unique ids of the models, seeds and tests without a result."""
        return _EXPECTED - self._results.keys()

    def describe_failures(self) -> str:
        """One line for each failed model and check, or the number of missing results if none failed."""
        space = (
            f"No space left on device: {self._free_bytes // 1024:,} kB are free. Free some disk space and run again. "
            if self.is_disk_full
            else ""
        )
        if failed := self.failed():
            return "\n".join([f"{space}{len(failed)} of the models and checks failed.", *map(self.describe, failed)])
        if self.is_killed:
            name = signal.Signals(-self._exit_code).name
            out_of_memory = "; the system does that when memory is short" if name == "SIGKILL" else ""
            return (
                f"{space}dbt was ended from outside ({name}{out_of_memory}) and left {len(self.missing())} models and "
                "checks without a result. Run again: everything is rebuilt from the raw data."
            )
        log = self._target / "dbt.log"
        return f"{space}dbt exited without a result for {len(self.missing())} models and checks. See {log}."

    def describe(self, result: Result, max_rows: int = 1) -> str:
        """A line about a failed model with dbt's message, or about a failed check with the first rows that it found."""
        name = result["unique_id"].split(".")[2]
        if result["status"] not in ("warn", "fail"):
            return f"  {name}: {(result['message'] or result['status']).strip()}"
        rows = [list(row.items())[:_MAX_SENTENCE_COLUMNS] for row in self.sample(result).slice(0, max_rows).to_pylist()]
        shown = "), (".join(", ".join(f"{column}: {value}" for column, value in row) for row in rows)
        purpose = describe_test(MANIFEST, MANIFEST["nodes"][result["unique_id"]])
        count = f"{result['failures']} failing {'row' if result['failures'] == 1 else 'rows'}"
        return f"  {name}: {count}, such as ({shown}). {purpose}"

    def sample(self, result: Result) -> pa.Table:
        """The first rows that a failed check found. Its SQL runs again, because dbt reports only their number."""
        try:
            with duckdb.connect(str(self._warehouse), read_only=True) as connection:
                return connection.sql(result["compiled_code"]).limit(MAX_SAMPLE_ROWS).to_arrow_table()
        except duckdb.Error as error:
            return pa.table({"error": [str(error)]})


def is_failure(result: Result) -> bool:
    """Whether a model could not be built, or a check of severity error found rows."""
    if result["status"] in ("warn", "fail"):
        return bool(MANIFEST["nodes"][result["unique_id"]]["config"]["severity"].lower() == "error")
    return result["status"] in ("error", "runtime error")


def _read(target: Path) -> list[Result]:
    try:
        results = read_json(target / _FILE_NAME)["results"]
        return [result for result in results if isinstance(result["unique_id"], str)]
    except (OSError, ValueError, LookupError, TypeError):
        return []
