"""What a release is built from, as one hash: the files of the lake, the code with its seeds, and the settings.

A run that finds the hash of the published release has nothing to build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestration.folders import PROJECT_DIR
from orchestration.storage.lake import Lake

# What dbt reads, and how it is started; the lock stands for the version of dbt itself.
DBT_INPUTS = (
    "requirements.lock",
    "dbt_project.yml",
    "profiles.yml",
    "orchestration/transform/dbt_program.py",
    "dbt_project/**/*",
    "models/**/*",
    "seeds/**/*",
)
_CODE = (*DBT_INPUTS, "orchestration/**/*.py", "orchestration/publish/report/page.*")


def inputs_hash(lake: Lake, settings: Mapping[str, str]) -> str:
    """The hash of everything that a build reads.

    A file of the lake counts with its name, size and time of modification, so that a changed or lost one counts too.
    """
    digest = hashlib.sha256(project_hash(_CODE).encode())
    for path in lake.files("*"):
        status = path.stat()
        digest.update(f"{path.relative_to(lake.root)} {status.st_size} {status.st_mtime_ns}\n".encode())
    for name, value in sorted(settings.items()):
        digest.update(f"{name}={value}\n".encode())
    return digest.hexdigest()


def project_hash(patterns: tuple[str, ...]) -> str:
    """The hash of the names and contents of the project's files that match one of the patterns."""
    digest = hashlib.sha256()
    for path in _matching(patterns):
        digest.update(str(path.relative_to(PROJECT_DIR)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _matching(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(path for path in PROJECT_DIR.glob(pattern) if path.is_file())
