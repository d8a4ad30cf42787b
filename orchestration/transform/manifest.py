"""dbt's manifest of the project, parsed again whenever one of dbt's inputs has changed.

A stamp beside the manifest holds the hash of the inputs and of the manifest, so that a stale one is never read.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.damaged import set_aside
from orchestration.errors import WarehouseError
from orchestration.folders import PROJECT_DIR
from orchestration.storage.files import locked, read_json, sha256
from orchestration.storage.inputs import DBT_INPUTS, project_hash
from orchestration.transform import DBT_EXECUTABLE

_TARGET = PROJECT_DIR / "target"


def load_manifest() -> dict[str, Any]:
    """dbt's manifest of the project as it is now. Raises WarehouseError if dbt cannot parse the project."""
    # If several processes start at the same time, one parses and the others wait.
    with locked(_TARGET / "manifest.lock"):
        stamp, path = _TARGET / "manifest.sha256", _TARGET / "manifest.json"
        inputs = project_hash(DBT_INPUTS).encode()
        if not (path.exists() and stamp.exists() and stamp.read_bytes() == inputs + b" " + sha256(path).encode()):
            _parse()
            # It includes the manifest's hash, because dbt writes the file without a stamp when a user starts it.
            stamp.write_bytes(inputs + b" " + sha256(path).encode())
        return dict(read_json(path))


def _parse() -> None:
    """Let dbt parse the project. If that fails, dbt's parse state may be damaged, so it is set aside once."""
    problem = _parse_problem()
    if problem and (state := parse_state(_TARGET)).exists():
        set_aside(state)
        problem = _parse_problem()
    if problem:
        raise WarehouseError(f"dbt cannot parse the project, so nothing was built:\n{problem}")


def parse_state(target: Path) -> Path:
    """Where dbt keeps what it parsed, in one of its target folders. Without it, dbt parses the whole project."""
    return target / "partial_parse.msgpack"


def _parse_problem() -> str:
    """What dbt reports if it cannot parse the project, otherwise ""."""
    try:
        finished = subprocess.run(  # noqa: S603  # our own dbt, with fixed arguments
            [DBT_EXECUTABLE, "--quiet", "--no-use-colors", "parse", "--profiles-dir", PROJECT_DIR],
            cwd=PROJECT_DIR,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return f"{DBT_EXECUTABLE} cannot be started: {error.strerror}"
    ended = f"dbt exited with code {finished.returncode}" if finished.returncode else ""
    return (ended and f"{finished.stdout}{finished.stderr}".strip()) or ended


def describe_test(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """What a data test asserts: its leading SQL comment; for a generic test, its macro's description and arguments."""
    generic = test.get("test_metadata")
    if not generic:
        lines = (line for line in test["raw_code"].splitlines() if not line.startswith("{{ config"))
        comment = itertools.takewhile(lambda line: line.startswith("--"), lines)
        return " ".join(line.removeprefix("--").strip() for line in comment)
    description = manifest["macros"][f"macro.{test['package_name']}.test_{generic['name']}"]["description"]
    arguments = [value for name in ("columns", "families", "conditions") for value in generic["kwargs"].get(name, [])]
    return f"{description} {'; '.join(arguments)}".strip()


MANIFEST = load_manifest()
