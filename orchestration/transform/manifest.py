"""dbt's manifest of the project, parsed again whenever one of dbt's inputs has changed.

    <project>/target/pipeline/  where it is kept, for all data folders; other users of dbt write to target/ itself
    <data>/dbt_manifest/        where it is kept if this user may not write to the project

A stamp beside the manifest holds the hash of the inputs and of the manifest, so that a stale one is never read.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.damaged import set_aside
from orchestration.errors import WarehouseError
from orchestration.folders import PROJECT_DIR, data_folder
from orchestration.storage.files import locked
from orchestration.storage.inputs import DBT_INPUTS, project_hash
from orchestration.transform import DBT_PROGRAM, DBT_PYTHON, WARN_ONLY

_TARGET = PROJECT_DIR / "target" / "pipeline"
_LOCK = "manifest.lock"


def load_manifest() -> dict[str, Any]:
    """dbt's manifest of the project as it is now.

    Raises WarehouseError if dbt cannot parse the project, or no folder for the manifest can be written.
    """
    inputs = project_hash(DBT_INPUTS)
    if found := _read(_TARGET, inputs):
        return found
    folder = manifest_folder()
    # If several processes start at the same time, one parses and the others wait.
    with locked(folder / _LOCK):
        if found := _read(folder, inputs):
            return found
        _parse(folder)
        content = (folder / "manifest.json").read_bytes()
        (folder / "manifest.sha256").write_text(_stamp(inputs, content), encoding="utf-8")
        return _declared(content)


def _read(folder: Path, inputs: str) -> dict[str, Any] | None:
    """The manifest in a folder; None if it was not made from these inputs."""
    try:
        content = (folder / "manifest.json").read_bytes()
        stamp = (folder / "manifest.sha256").read_bytes()
    except OSError:
        return None
    return _declared(content) if stamp == _stamp(inputs, content).encode() else None


def _declared(content: bytes) -> dict[str, Any]:
    """The manifest with the severities that data tests declare: dbt parses with WARN_ONLY, as it builds."""
    manifest = dict(json.loads(content))
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test":
            is_warning = node["unrendered_config"].get("severity") == "warn"
            node["config"]["severity"] = "warn" if is_warning else "error"
    return manifest


def _stamp(inputs: str, content: bytes) -> str:
    """It includes the manifest's hash, because dbt writes the file without a stamp when a user starts it."""
    return f"{inputs} {hashlib.sha256(content).hexdigest()}"


def _fallback() -> Path:
    return data_folder() / "dbt_manifest"


def manifest_folder() -> Path:
    """Where this user may write the manifest, and what else holds for all data folders. Raises WarehouseError."""
    fallback = _fallback()
    for folder in (_TARGET, fallback):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _LOCK).open("ab").close()
        except OSError:
            continue
        return folder
    raise WarehouseError(
        f"dbt's manifest can be written neither to {_TARGET} nor to {fallback}. Nothing was built. Set "
        "ROUTERSCOPE_DATA_DIR to a folder that this user may write to."
    )


def _parse(folder: Path) -> None:
    """Let dbt parse the project. If that fails, dbt's parse state may be damaged, so it is set aside once."""
    problem = _parse_problem(folder)
    if problem and (state := parse_state(folder)).exists():
        set_aside(state)
        problem = _parse_problem(folder)
    if problem:
        raise WarehouseError(f"dbt cannot parse the project, so nothing was built:\n{problem}")


def parse_state(target: Path) -> Path:
    """Where dbt keeps what it parsed, in one of its target folders. Without it, dbt parses the whole project."""
    return target / "partial_parse.msgpack"


def share_parse_state(target: Path) -> None:
    """Give a new target folder what dbt parsed for the manifest."""
    found = [state for folder in (_TARGET, _fallback()) if (state := parse_state(folder)).exists()]
    if found and not parse_state(target).exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found[0], parse_state(target))


def _parse_problem(folder: Path) -> str:
    """What dbt reports if it cannot parse the project, otherwise ""."""
    try:
        finished = subprocess.run(  # noqa: S603  # our own dbt, with fixed arguments
            [
                *(DBT_PYTHON, *DBT_PROGRAM, "--quiet", "--no-use-colors", "--log-path", str(folder), "parse"),
                *("--profiles-dir", str(PROJECT_DIR), "--target-path", str(folder), *WARN_ONLY),
            ],
            cwd=PROJECT_DIR,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return f"dbt cannot be started: {error.strerror}"
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
