"""Moves the state that version 0.1 left in a data folder to its new names, at the first run; see docs/upgrading.md.

    said/          → claim_history/       moved, file by file
    unreadable/    → quarantine/          moved, file by file
    generations/   → releases/            linked, then removed after a grace period for readers
    alerts.sqlite  → deliveries.sqlite    copied in one transaction, then removed

If a migration is interrupted, the next one completes it. A migration with nothing left to move changes nothing. The
states of schedules are in Dagster's instance; `defs` moves them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from orchestration.errors import MigrationError
from orchestration.storage.files import locked
from orchestration.storage.releases import READER_GRACE_SECONDS

# As in alerts/deliveries.py, which must not be imported from here.
_DELIVERIES = """
    create table if not exists delivery
    (channel text, key text, alert_id text, sent_at text, primary key (channel, key))
"""


# Old → new names of checks and of their assets, so that a check that keeps failing does not send another alert because
# of its new name.
RENAMED = {
    "answered": "all_due_fetched",
    "words": "overclaims",
    "package": "datapackage",
    "claims_say_what_the_marts_say": "assert_claims_match_marts",
    "day_rows_carry_their_response": "assert_day_rows_cite_their_response",
    "drivers_add_up_to_the_change": "assert_drivers_add_up_to_change",
    "entities_know_what_the_marts_name": "assert_entities_cover_marts",
    "exports_agree_with_rankings": "assert_exports_agree_with_rankings",
    "growth_is_that_of_the_shares": "assert_growth_matches_shares",
    "low_is_not_above_high": "assert_low_not_above_high",
    "newest_day_is_there": "assert_newest_day_is_published",
    "no_day_vanishes": "assert_no_day_vanishes",
    "no_incomplete_period": "assert_no_incomplete_period",
    "one_denominator": "assert_one_denominator",
    "price_intervals_do_not_overlap": "assert_price_intervals_do_not_overlap",
    "price_join_keeps_tokens": "assert_price_join_keeps_tokens",
    "prices_equal_raw": "assert_prices_equal_raw",
    "restated_to_what_is_published": "assert_restatements_match_shares",
    "samples_stay_samples": "assert_samples_stay_separate",
    "shares_and_other_add_to_one": "assert_shares_add_to_one",
    "sums_are_those_of_their_parts": "assert_sums_equal_parts",
    "the_ledger_is_that_of_the_lake": "assert_provenance_matches_lake",
    "the_scorecard_is_of_the_newest_day": "assert_scorecard_matches_newest_day",
    "tokens_equal_raw": "assert_tokens_equal_raw",
    "usage_has_the_price_of_its_day": "assert_usage_has_price_of_its_day",
    "what_is_quoted_is_as_it_was_said": "assert_public_figures_match_seed",
}
_RENAMED_NODES = {
    "classes": "class_limits",
    "exempt_texts": "overclaim_exemptions",
    "forbidden_phrases": "overclaims",
    "int_rankings__told": "int_rankings__reported",
    "int_spans__members": "int_periods__members",
    "try_rules": "recommendation_rules",
}
_RENAMED_PATTERNS = (
    (r"carries_provenance_(\w+)", r"has_provenance_\1"),
    (r"evidence_checked_(\w+)", r"has_evidence_\1"),
    (r"(\w+)_holds", r"satisfies_\1"),
    (r"unique_key_try_rules_\w+", "unique_key_recommendation_rules_reason"),
)


def new_name(name: str) -> str:
    """The new name of a check or of a part of an asset key."""
    for pattern, replacement in _RENAMED_PATTERNS:
        name = re.sub(f"^{pattern}$", replacement, name)
    for old, new in _RENAMED_NODES.items():
        name = re.sub(rf"^(|has_evidence_|unique_key_){old}(?=_|$)", rf"\1{new}", name)
    return RENAMED.get(name, name)


def migrate(data: Path) -> list[str]:
    """Move the state of an older version in the folder; returns a line to print for each kind of state that was moved.

    Raises MigrationError if something could not be moved. What was moved by then stays moved.
    """
    if not is_due(data):
        return []
    lines = []
    try:
        with locked(data / ".migration.lock"):
            for old, (new, move) in _STEPS.items():
                if (data / old).exists() and (line := move(data / old, data / new)):
                    lines.append(line)
    except (OSError, sqlite3.Error) as error:
        raise MigrationError(
            f"The state of an older version in {data} could not be moved to its new names: {error}. Nothing is lost: "
            "what was moved stays moved, and the rest is unchanged. Free disk space or fix the folder's permissions, "
            "and run again to move the rest. docs/upgrading.md lists what is moved."
        ) from error
    return lines


def is_due(data: Path) -> bool:
    """Whether an older version has left state in the folder."""
    return any((data / old).exists() for old in _STEPS)


def _moved(old: Path, new: Path) -> str:
    return f"Moved {old} of an older version to {new}."


def _move_files(old: Path, new: Path) -> str:
    """Move each file to the same path below `new`. Names contain times and hashes, so equal names mean equal files."""
    if old.is_symlink() and not new.exists():
        new.symlink_to(old.resolve())
        old.unlink()
        return _moved(old, new)
    for path in sorted(path for path in old.rglob("*") if path.is_file()):
        target = new / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if target.exists() else path.replace(target)
    _remove(old)
    return _moved(old, new)


def _link_releases(old: Path, new: Path) -> str:
    """Link every release below `new`, point `published` there, and remove the old folder after a grace period.

    `published` always points to a release, and a reader that resolved it just before still finds its files.
    """
    published = old.with_name("published")
    is_current = published.is_symlink() and published.readlink().parent.name == old.name
    if published.is_symlink() and not is_current:  # linked before; only the grace period of readers is left
        if abs(time.time() - old.stat().st_mtime) >= READER_GRACE_SECONDS:
            _remove(old)
        return ""
    if old.is_symlink() and not new.exists():
        new.symlink_to(old.resolve())
    new.mkdir(exist_ok=True)
    for path in sorted(old.glob("*Z*")):
        if path.is_file():  # marks a release that was withdrawn
            (new / path.name).touch()
        elif path.name.endswith("Z") and path.is_dir() and not (new / path.name).exists():
            unfinished = new / f"{path.name}.building"
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(path, unfinished, copy_function=_link)
            unfinished.replace(new / path.name)
    os.utime(old)  # the grace period of readers begins
    if is_current:
        link = new / f"{published.readlink().name}.link"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(new.name) / published.readlink().name)
        link.replace(published)
    else:  # nothing was ever published
        _remove(old)
    return _moved(old, new)


def _remove(folder: Path) -> None:
    folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _copy_deliveries(old: Path, new: Path) -> str:
    try:
        with contextlib.closing(sqlite3.connect(old, timeout=30)) as connection:
            rows = connection.execute("select channel, once, id, at from told").fetchall()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise
        # Without a record, the alerts that exist count as sent; that must not stop a run.
        damaged = old.with_name(f"{old.name}.damaged")
        old.replace(damaged)
        return f"{old} cannot be read and is now {damaged}: the alerts that exist now count as sent."
    with contextlib.closing(sqlite3.connect(new, timeout=30)) as connection, connection:
        connection.execute(_DELIVERIES)
        connection.executemany(
            "insert into delivery values (?, ?, ?, ?) "
            "on conflict do update set sent_at = coalesce(sent_at, excluded.sent_at)",
            [(channel, _new_key(key), alert_id, sent_at) for channel, key, alert_id, sent_at in rows],
        )
    old.unlink()
    old.with_suffix(".lock").unlink(missing_ok=True)
    return _moved(old, new)


def _new_key(key: str) -> str:
    """The key of a delivery; in the key of a failed check, old names are replaced."""
    return "/".join(map(new_name, key.split("/"))) if key.startswith("check_failed/") else key


_STEPS: dict[str, tuple[str, Callable[[Path, Path], str]]] = {
    "said": ("claim_history", _move_files),
    "unreadable": ("quarantine", _move_files),
    "generations": ("releases", _link_releases),
    "alerts.sqlite": ("deliveries.sqlite", _copy_deliveries),
}
