"""Whether the process that did something is still running."""

from __future__ import annotations

import os
from pathlib import Path


def process_identity(pid: int) -> str | None:
    """Identifies a process even after its number is reused: `pid/boot id/start tick`. None if it has ended.

    It contains no wall-clock time, because that clock can change while a process runs.
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
    except OSError:  # a system without /proc
        return f"{pid}/"
    return None if state == "Z" else f"{pid}/{boot}/{fields[18]}"


def is_running(identity: str) -> bool:
    """Whether the process with this identity is still running; not, if the text is not an identity."""
    pid = identity.partition("/")[0]
    try:
        return process_identity(int(pid)) == identity
    except (ValueError, OverflowError):
        return False
