"""What protects a user's log: a folder that only they can read, and a salt without which a stored id says nothing.

<data>/own/             mode 0700
<data>/own/salt         15 random bytes, mode 0600; the same id has the same hash in this folder only
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import duckdb

from orchestration.errors import UsageError
from orchestration.storage.files import locked, replace_when_complete
from orchestration.storage.sql import literal

MEMORY_LIMIT = "3GB"
INTAKE_LOCK, BUILD_LOCK = ".lock", "build.lock"
# With an id of at most 35 characters, as OpenRouter's are, a block of SHA-256: half the work of two.
_SALT_BYTES, _SALT_LENGTH = 15, 20
# The hash of an id: as many bytes of its SHA-256 as no two of 10^12 ids share.
_HASH_BYTES = 16


def private_folder(data: Path) -> Path:
    """The folder of own usage in a data folder, which only this user can read. It is created if needed.

    Raises UsageError if it cannot be.
    """
    folder = data / "own"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made private: {error.strerror or error}. Nothing was read. Set ROUTERSCOPE_DATA_DIR "
            "to a folder that belongs to this user."
        ) from error
    return folder


def private_connection(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory and UTC; what does not fit into MEMORY_LIMIT is written below the folder until it is closed."""
    connection = duckdb.connect()
    connection.execute(
        f"set TimeZone = 'UTC'; set preserve_insertion_order = false; set memory_limit = '{MEMORY_LIMIT}'; "
        f"set temp_directory = {literal(folder / 'spill')}"
    )
    return connection


def salt(folder: Path) -> str:
    """The salt of a folder as text; a new one if it has none."""
    path = folder / "salt"
    if not path.exists():
        with replace_when_complete(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(_SALT_BYTES))
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if len(text) != _SALT_LENGTH:
        raise UsageError(
            f"{path} is damaged, so a call that is there already could not be recognized. Nothing was read. Restore "
            "the file, or start again: routerscope own forget"
        )
    return text


def hashed(value: str) -> str:
    """SQL for the salted hash of a text expression, a BLOB; the query has the parameter $salt."""
    return f"unhex(left(sha256($salt || {value}), {2 * _HASH_BYTES}))"


def forget(data: Path) -> bool:
    """Remove everything about own usage from a data folder; returns whether there was anything.

    It waits for an intake or a build that uses the folder.
    """
    folder = data / "own"
    if not folder.exists():
        return False
    with locked(folder / INTAKE_LOCK), locked(folder / BUILD_LOCK):
        shutil.rmtree(folder)
    return True
