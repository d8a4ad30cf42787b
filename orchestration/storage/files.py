"""Files on disk: permissions, writing in one step, syncing, locking, hashing and reading JSON.

What a file contains does not belong here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestration.errors import SettingsError

TEMPORARY = ".tmp"


def check_encoding(folder: Path) -> None:
    """Raises SettingsError if DuckDB, which reads paths as UTF-8, would open another folder than Python."""
    try:
        is_same_for_duckdb = os.fsencode(folder) == str(folder).encode()
    except UnicodeEncodeError:
        is_same_for_duckdb = False
    if not is_same_for_duckdb:
        raise SettingsError(
            f"The data folder is {str(folder)!a}. DuckDB reads paths as UTF-8, but the encoding of this locale is "
            f"{sys.getfilesystemencoding()}. Nothing was changed. Set LC_ALL=C.UTF-8, or ROUTERSCOPE_DATA_DIR to a "
            "path of ASCII characters."
        )


def check_data_folder(folder: Path) -> None:
    """Raises SettingsError unless the data folder can be written to, or created; creates nothing."""
    check_encoding(folder)
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not existing.is_dir():
        raise SettingsError(
            f"The data folder is {folder}, but {existing} is not a folder. Nothing was changed. Set "
            "ROUTERSCOPE_DATA_DIR to the path of a folder."
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise SettingsError(
            f"The data folder is {folder}, but this user may not write to {existing}. Nothing was changed. Set "
            "ROUTERSCOPE_DATA_DIR to a folder that this user may write to."
        )


@contextlib.contextmanager
def replace_when_complete(target: Path) -> Iterator[Path]:
    """Yields a path to write to; its file replaces `target` at the end, or is removed after an error.

    `target` is complete or as it was, even if the process is killed or the machine stops. Creates its folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{os.getpid()}{TEMPORARY}")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync(target.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in one step; see `replace_when_complete`."""
    with replace_when_complete(path) as temporary:
        temporary.write_bytes(content)


def remove_unfinished_writes(folder: Path) -> None:
    """Remove temporary files of processes that no longer exist. A temporary file's name contains its process id."""
    for path in folder.glob(f"**/*{TEMPORARY}"):
        if _is_gone(path.name.split(".")[-2]):
            path.unlink(missing_ok=True)


def _is_gone(pid: str) -> bool:
    """Whether no other process has this id, or the text is not a process id."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return True
    except PermissionError:
        return False
    return int(pid) == os.getpid()


def sync(path: Path) -> None:
    """Write what the system still holds in memory of a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, after other processes have released it. Creates the file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a file and yield True, or yield False if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def read_json(path: Path) -> Any:
    """The value of a JSON file in UTF-8. Raises OSError, and ValueError for anything but JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
