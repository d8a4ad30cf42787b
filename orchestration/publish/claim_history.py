"""The history of published claims: every version of every claim, and whether a claim quoted earlier still holds.

    <data>/claim_history/<release>.parquet    the claims that are new or revised in this release; never changed

The marts are rebuilt by every run and keep no history, but a quoted claim must stay checkable. A claim is revised when
its subject or unit changes, or when its value or upper bound rounds differently and moved by at least half a unit of
the last digit shown. Its wording is never compared: sentences are reworded, and numbers and dates in them reformatted,
while the claim stays the same.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.errors import QueryError, WarehouseError
from orchestration.formatting import change_in_percent, in_words, is_visible, iso_timestamp, rounding_of, usd
from orchestration.storage.files import remove_unfinished_writes, replace_when_complete
from orchestration.storage.sql import file_pattern, literal

State = Literal["unchanged", "revised", "withdrawn"]
_COLUMNS = (
    "claim_id, subject, value, value_high, unit, statement, citation, source_url, as_of, checked_at, value_rounding, "
    "value_high_rounding"
)
# Files written before a column existed are read with nulls in it.
_ADDED_COLUMNS = (
    "select cast(null as double) as value_rounding, cast(null as double) as value_high_rounding where false"
)
_SOURCE = f"(from read_parquet($files, union_by_name = true, filename = true) union all by name {_ADDED_COLUMNS})"
_RESTORE = "Restore it from a backup, or move it out of the folder: the versions in it are then unknown"
# Claims about the five leading models were once recorded under this subject, with the models only in the sentence.
_SUBJECT_WITHOUT_NAMES = "the five leading models"


@dataclass(frozen=True)
class ClaimVersion:
    """A claim as it was published in one release."""

    claim_id: str
    subject: str
    value: float
    value_high: float | None
    unit: str
    statement: str
    citation: str
    source_url: str
    as_of: dt.datetime
    checked_at: dt.datetime
    value_rounding: float | None = None
    value_high_rounding: float | None = None

    @property
    def upper(self) -> float:
        """The upper bound; the value itself where it is exact."""
        return self.value if self.value_high is None else self.value_high

    @property
    def upper_rounding(self) -> float | None:
        return self.value_rounding if self.value_high is None else self.value_high_rounding


def is_revision(before: ClaimVersion, after: ClaimVersion) -> bool:
    """Whether the subject, the unit, or the rounded value or upper bound changed (see `formatting.is_visible`)."""
    if before.unit != after.unit or not _has_same_subject(before, after):
        return True
    return _has_changed(
        before.value, after.value, before.unit, before.value_rounding, after.value_rounding
    ) or _has_changed(before.upper, after.upper, before.unit, before.upper_rounding, after.upper_rounding)


def _has_changed(before: float, after: float, unit: str, *roundings: float | None) -> bool:
    """Whether a figure rounds differently by the coarser of the two roundings, and moved by at least half of it.

    Versions recorded before `value_rounding` existed have none. If neither version has one, `formatting` computes it
    from the figures; for a unit without a rule, any change larger than float noise counts.
    """
    if before == after:  # most figures
        return False
    rounding = max(filter(None, roundings), default=None)
    if rounding is None:
        try:
            rounding = max(rounding_of(before, unit), rounding_of(after, unit))
        except KeyError:
            return not math.isclose(before, after, rel_tol=1e-9)
    return is_visible(before, after, rounding)


def _has_same_subject(before: ClaimVersion, after: ClaimVersion) -> bool:
    return _subject(before) == _subject(after)


def _subject(version: ClaimVersion) -> str:
    """The subject; for the five leading models, always their names in alphabetical order."""
    if version.value_rounding is not None or version.subject != _SUBJECT_WITHOUT_NAMES:
        return version.subject
    # Such a sentence ends in ": <model>, <model>, …."; its wording no longer changes, since the version is recorded.
    names = version.statement.removesuffix(".").rpartition(": ")[2].split(", ")
    return ", ".join(sorted(names))


@dataclass(frozen=True)
class Verdict:
    """A quoted version of a claim (`then`), the published one (`now`, None if withdrawn), and all `versions`."""

    then: ClaimVersion
    now: ClaimVersion | None
    versions: Sequence[ClaimVersion]

    @property
    def state(self) -> State:
        if self.now is None:
            return "withdrawn"
        return "revised" if is_revision(self.then, self.now) else "unchanged"

    @property
    def change(self) -> str:
        """The change of the value and of its upper bound in words; empty if neither or the subject itself changed."""
        then, now = self.then, self.now
        if now is None or not _has_same_subject(then, now):
            return ""
        changes = [_change(then.value, now.value, then.unit)] if now.value != then.value else []
        if (then.value_high, now.value_high) != (None, None) and now.upper != then.upper:
            changes.append(f"{_change(then.upper, now.upper, then.unit)} at the upper bound")
        return " and ".join(changes)


def record(releases: Sequence[Path], folder: Path) -> int:
    """Record the claims that are new or revised in these releases, oldest first; returns how many there were.

    Releases that are recorded already are skipped, so a release whose run was killed is recorded by the next one.
    Raises WarehouseError if the folder cannot be written, or if one of its files is damaged.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished_writes(folder)
        last = max((path.stem for path in folder.glob("*.parquet")), default="")
        return sum(_record(release, folder) for release in releases if release.name > last)
    except (OSError, duckdb.Error) as error:
        if damaged := damaged_files(folder):
            raise WarehouseError(
                f"{damaged[0]}, a file of the claim history, is damaged. The tables are published, but their claims "
                f"are not recorded yet. {_RESTORE}; the next run records them."
            ) from error
        raise WarehouseError(
            f"The claim history {folder} cannot be written: {error}. The tables are published, but their claims are "
            "not recorded yet. Free disk space or fix the permissions of the folder; the next run records them."
        ) from error


def _record(release: Path, folder: Path) -> int:
    target = folder / f"{release.name}.parquet"
    with duckdb.connect() as connection:
        published = {"files": [_claims(release)]}
        connection.execute(f"create table revised as select {_COLUMNS} from {_SOURCE}", published)  # noqa: S608
        if files := sorted(map(file_pattern, folder.glob("*.parquet"))):
            newest = {version.claim_id: version for version in _versions(connection, files)}
            unchanged = [
                version.claim_id
                for version in _versions(connection, [_claims(release)])
                if version.claim_id in newest and not is_revision(newest[version.claim_id], version)
            ]
            connection.execute(
                "delete from revised where claim_id in (select unnest($unchanged))", {"unchanged": unchanged}
            )
        [(count,)] = connection.execute("select count(*) from revised").fetchall()
        if count:
            with replace_when_complete(target) as temporary:
                connection.execute(f"copy (from revised order by claim_id) to {literal(temporary)} (format parquet)")
    return int(count)


def check_claim(claim_id: str, published: Path, folder: Path, as_of: dt.datetime | None = None) -> Verdict:
    """Compare the version as of that time (default: the first version) with the published release.

    Raises QueryError if there was no such version, or if a file is damaged.
    """
    files = sorted(map(file_pattern, folder.glob("*.parquet")))
    try:
        with duckdb.connect() as connection:
            now = _versions(connection, [_claims(published)], claim_id)
            versions = _versions(connection, files, claim_id) if files else now
    except duckdb.Error as error:
        if damaged := damaged_files(folder):
            raise QueryError(
                f"{damaged[0]}, a file of the claim history, is damaged, so the claim was not checked. {_RESTORE}."
            ) from error
        reason = str(error).splitlines()[0]
        raise QueryError(
            f"The claims of the release {published} cannot be read ({reason}). Nothing was changed. Publish a new "
            "release: make run ARGS=--rebuild"
        ) from error
    versions = versions or now
    if not versions:
        raise QueryError(
            f"No release in this data folder has published the claim {claim_id!r}. `routerscope cite` lists the claims "
            "of the published release; an id is kind/period/first day, such as leading_model/week/2026-07-27."
        )
    # Citation lines state the time to the second.
    by_then = [version for version in versions if as_of is None or version.as_of.replace(microsecond=0) <= as_of]
    if not by_then:
        raise QueryError(
            f"{claim_id} was first published as of {iso_timestamp(versions[0].as_of)}; there is no earlier version."
        )
    return Verdict(by_then[0 if as_of is None else -1], now[-1] if now else None, versions)


def damaged_files(folder: Path) -> list[Path]:
    """The files of the claim history that cannot be read as such, oldest first."""
    damaged = []
    with duckdb.connect() as connection:
        for path in sorted(folder.glob("*.parquet")):
            try:
                _versions(connection, [file_pattern(path)])
            except (duckdb.Error, TypeError):
                damaged.append(path)
    return damaged


def _versions(
    connection: duckdb.DuckDBPyConnection, files: list[str], claim_id: str | None = None
) -> list[ClaimVersion]:
    """The versions in these files, oldest file first: of one claim, or of all."""
    rows: list[tuple[Any, ...]] = connection.execute(
        f"select {_COLUMNS} from {_SOURCE} where $claim_id is null or claim_id = $claim_id order by filename",  # noqa: S608
        {"files": files, "claim_id": claim_id},
    ).fetchall()
    return [ClaimVersion(*row) for row in rows]


def _change(before: float, after: float, unit: str) -> str:
    """A difference in words, such as +0.4 percentage points (+3.1%)."""
    difference = after - before
    sign = "+" if difference > 0 else "-"
    if unit.startswith("fraction"):
        amount = f"{100 * difference:+.3g} percentage points"
    elif unit == "USD":
        amount = f"{sign}{usd(abs(difference))}"
    else:
        amount = f"{sign}{in_words(abs(difference), unit)} {unit}"
    return f"{amount} ({change_in_percent(100 * difference / before)})" if before else amount


def _claims(release: Path) -> str:
    return file_pattern(release / "claim.parquet")
