"""Moves what version 0.1 left in a data folder to the names of today, at the first run; see docs/upgrading.md.

    said/          → claim_history/       moved, file by file
    unreadable/    → quarantine/          moved, file by file
    generations/   → releases/            linked, then removed once readers have had time to let go
    alerts.sqlite  → deliveries.sqlite    copied in one transaction, then removed

A migration that is interrupted is completed by the next one, and one that has nothing left to do changes nothing.
Schedules that were switched on or off live in Dagster's instance and are moved in `defs`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from orchestration.errors import MigrationError
from orchestration.storage.releases import READER_GRACE_SECONDS

# As in alerts/deliveries.py, which must not be imported from here.
_DELIVERIES = """
    CREATE TABLE IF NOT EXISTS delivery
    (channel TEXT, key TEXT, alert_id TEXT, sent_at TEXT, PRIMARY KEY (channel, key))
"""


def migrate(data: Path) -> list[str]:
    """Move what an older version left in the folder; returns a line for people on each kind of state that was moved.

    Raises MigrationError if something could not be moved; what was moved stays, and the rest is where it was.
    """
    if not is_due(data):
        return []
    lines = []
    try:
        with (data / ".migration.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for old, (new, move) in _STEPS.items():
                if (data / old).exists() and move(data / old, data / new):
                    lines.append(f"{data / old} of an older version is now {data / new}.")
    except (OSError, sqlite3.Error) as error:
        raise MigrationError(
            f"The state of an older version in {data} could not be moved to its new names: {error}. What was moved "
            "stays, the rest is where it was, and nothing is lost. Make room or correct the folder's permissions, and "
            "run again: the next run completes it. docs/upgrading.md lists what moves where."
        ) from error
    return lines


def is_due(data: Path) -> bool:
    """Whether an older version has left state in the folder."""
    return any((data / old).exists() for old in _STEPS)


def _move_files(old: Path, new: Path) -> bool:
    """Move each file to the same place below `new`. Names are moments and hashes: a name that is there is the file."""
    for path in sorted(path for path in old.rglob("*") if path.is_file()):
        target = new / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if target.exists() else path.replace(target)
    shutil.rmtree(old)
    return True


def _link_releases(old: Path, new: Path) -> bool:
    """Give every release its place below `new`, point `published` there, and remove the old folder a while later.

    A reader that resolved `published` just before still finds its files, so `published` never points to nothing.
    """
    new.mkdir(exist_ok=True)
    for path in sorted(old.glob("*Z*")):
        if path.is_file():  # marks a release that was withdrawn
            (new / path.name).touch()
        elif path.name.endswith("Z") and path.is_dir() and not (new / path.name).exists():
            unfinished = new / f"{path.name}.building"
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(path, unfinished, copy_function=_link)
            unfinished.replace(new / path.name)
    published = old.with_name("published")
    if published.is_symlink() and published.readlink().parent.name == old.name:
        link = new / f"{published.readlink().name}.link"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(new.name) / published.readlink().name)
        link.replace(published)
        os.utime(old)  # from now on nothing leads here
        return True
    if abs(time.time() - old.stat().st_mtime) >= READER_GRACE_SECONDS:
        shutil.rmtree(old)
    return False


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _copy_deliveries(old: Path, new: Path) -> bool:
    with contextlib.closing(sqlite3.connect(new, timeout=30)) as connection:
        connection.execute("ATTACH ? AS before", [str(old)])
        with connection:
            connection.execute(_DELIVERIES)
            connection.execute(
                "INSERT INTO delivery SELECT channel, once, id, at FROM before.told WHERE true "
                "ON CONFLICT DO UPDATE SET sent_at = coalesce(sent_at, excluded.sent_at)"
            )
    old.unlink()
    old.with_suffix(".lock").unlink(missing_ok=True)
    return True


_STEPS: dict[str, tuple[str, Callable[[Path, Path], bool]]] = {
    "said": ("claim_history", _move_files),
    "unreadable": ("quarantine", _move_files),
    "generations": ("releases", _link_releases),
    "alerts.sqlite": ("deliveries.sqlite", _copy_deliveries),
}
