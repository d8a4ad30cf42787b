"""Where the project is, and which data folder a command reads. Imports nothing that takes long, unlike `settings`."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
# Recordings that the project ships; `sample/make_sample.py` makes them.
SAMPLE_DIR = PROJECT_DIR / "sample"
# In a data folder: a run holds the lock from its start to its end; the claim history has a file per release.
RUN_LOCK = "run.lock"
CLAIM_HISTORY = "claim_history"


def data_folder(folder: Path | None = None) -> Path:
    """The given data folder, or the one that the environment sets, or the one with the newest release."""
    if folder is None and (setting := os.environ.get("ROUTERSCOPE_DATA_DIR")):
        folder = Path(setting)
    if folder is not None:
        return absolute(folder)
    if source := os.environ.get("ROUTERSCOPE_SOURCE"):
        return PROJECT_DIR / "data" / source
    published = sorted((PROJECT_DIR / "data").glob("*/published"), key=lambda path: _resolved(path).name)
    return published[-1].parent if published else PROJECT_DIR / "data" / "live"


def absolute(folder: Path) -> Path:
    """The absolute path. `..` is resolved here: DuckDB removes it from the text, ignoring symbolic links."""
    return _resolved(folder) if ".." in folder.parts else folder.absolute()


def _resolved(path: Path) -> Path:
    """The path without symbolic links; with them, if they form a loop."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
