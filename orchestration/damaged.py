"""Damaged files of state that is rebuilt: moved aside, never deleted. The lake and releases are never moved."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from orchestration.formatting import basic_timestamp

DAMAGED = "damaged"


def set_aside(path: Path, *companions: Path) -> Path:
    """Move a damaged file, and others that belong to it, to `damaged/<time>/` beside it; returns its new path.

    Nothing reads what was set aside, and people may delete it.
    """
    folder = path.parent / DAMAGED / basic_timestamp(dt.datetime.now(dt.UTC))
    folder.mkdir(parents=True, exist_ok=True)
    for found in (path, *companions):
        if found.exists():
            found.replace(folder / found.name)
    return folder / path.name
