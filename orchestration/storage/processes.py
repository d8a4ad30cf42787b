"""Whether the process of a run is still running, also if it ran in another container with the same data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from orchestration.folders import RUN_LOCK


def process_identity(pid: int) -> str | None:
    """Identifies a process even after its number is reused: `pid/boot id/start tick/namespace`. None if it has ended.

    Each container has a namespace of process numbers. The identity contains no wall-clock time, because that clock can
    change while a process runs.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        state, *fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:  # a system without /proc
        return f"{pid}/"
    return None if state == "Z" else f"{pid}/{boot}/{fields[18]}/{namespace}"


def is_running(identity: str, data: Path) -> bool:
    """Whether the process with this identity, a run in a data folder, is still running; not, if it is no identity.

    A process in another container cannot be seen. It counts as running while a run holds the folder's lock.
    """
    pid, *there = identity.split("/")
    _, *here = (process_identity(os.getpid()) or "").split("/")
    if there[:1] == here[:1] and there[2:] != here[2:]:
        return _is_locked(data / RUN_LOCK)
    try:
        return process_identity(int(pid)) == identity
    except (ValueError, OverflowError):
        return False


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no run has used the folder, or this user may not read it
        return False
    return False
