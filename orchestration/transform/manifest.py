"""dbt's manifest of the project, parsed again whenever one of dbt's inputs has changed.

A stamp beside the manifest holds the hash of the inputs and of the manifest, so that a stale one is never read.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from orchestration.errors import WarehouseError
from orchestration.folders import PROJECT_DIR
from orchestration.storage.files import locked, sha256
from orchestration.storage.inputs import DBT_INPUTS, project_hash
from orchestration.transform import DBT_EXECUTABLE

_TARGET = PROJECT_DIR / "target"


def load_manifest() -> dict[str, Any]:
    """dbt's manifest of the project as it is now. Raises WarehouseError if dbt cannot parse the project."""
    # If several processes start at the same time, one parses and the others wait.
    with locked(_TARGET / "manifest.lock"):
        stamp, path = _TARGET / "manifest.sha256", _TARGET / "manifest.json"
        inputs = project_hash(DBT_INPUTS)
        if not (path.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == f"{inputs} {sha256(path)}"):
            _parse()
            # It includes the manifest's hash, because dbt writes the file without a stamp when a user starts it.
            stamp.write_text(f"{inputs} {sha256(path)}", encoding="utf-8")
        return dict(json.loads(path.read_text(encoding="utf-8")))


def _parse() -> None:
    finished = subprocess.run(  # noqa: S603  # our own dbt, with fixed arguments
        [DBT_EXECUTABLE, "--quiet", "--no-use-colors", "parse", "--profiles-dir", PROJECT_DIR],
        cwd=PROJECT_DIR,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if finished.returncode:
        raise WarehouseError(f"dbt cannot parse the project, so nothing was built:\n{finished.stdout}{finished.stderr}")


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
