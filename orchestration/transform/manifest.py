"""dbt's manifest: made anew when a hash of dbt's inputs has changed, and never read when it is stale."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from orchestration.defs.resources import DBT
from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_DIR

_INPUTS = ("dbt_project.yml", "profiles.yml", "dbt_project/**/*", "models/**/*", "seeds/**/*")
_TARGET = PROJECT_DIR / "target"


def _inputs_hash() -> str:
    digest = hashlib.sha256((PROJECT_DIR / "requirements.lock").read_bytes())
    for pattern in _INPUTS:
        for path in sorted(path for path in PROJECT_DIR.glob(pattern) if path.is_file()):
            digest.update(str(path.relative_to(PROJECT_DIR)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest() -> dict[str, Any]:
    """dbt's manifest of the project as it is now. Raises WarehouseError if dbt cannot parse the project."""
    _TARGET.mkdir(exist_ok=True)
    with (_TARGET / "manifest.lock").open("w") as alone:
        # Of several processes that start at once, one parses.
        fcntl.flock(alone, fcntl.LOCK_EX)
        return _manifest()


def _manifest() -> dict[str, Any]:
    stamp, path = _TARGET / "manifest.sha256", _TARGET / "manifest.json"
    wanted = _inputs_hash()
    if not (path.exists() and stamp.exists() and stamp.read_text() == f"{wanted} {_hash(path)}"):
        parsed = subprocess.run(  # noqa: S603  # our own dbt, with fixed arguments
            [DBT, "--quiet", "--no-use-colors", "parse", "--profiles-dir", PROJECT_DIR],
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        if parsed.returncode:
            raise WarehouseError(f"dbt cannot parse the project, so nothing was built:\n{parsed.stdout}{parsed.stderr}")
        # The manifest's own hash too: dbt started by hand writes the file as well, without a stamp.
        stamp.write_text(f"{wanted} {_hash(path)}")
    return dict(json.loads(path.read_text()))


MANIFEST = manifest()
