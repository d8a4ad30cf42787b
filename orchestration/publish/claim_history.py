"""What was said before: every sentence of the table `claim` that was ever published, and whether it still holds.

    <data>/said/<generation>.parquet    the claims that this generation said anew or otherwise, never changed

The marts are made anew by every run and forget; a sentence that somebody has quoted must not be forgotten. How a claim
is worded is the mart's business: a claim is revised when its subject, its value or a bound changes by no less than the
sentence's rounding, not when it is worded otherwise.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.errors import QueryError, WarehouseError
from orchestration.formatting import in_words, is_visible
from orchestration.storage.warehouse import file_pattern, literal

CLAIM_HISTORY = "said"
State = Literal["unchanged", "restated", "withdrawn"]
_COLUMNS = (
    "claim_id, subject, value, value_high, unit, statement, citation, source_url, as_of, checked_at, value_rounding, "
    "value_high_rounding"
)
# Files that were written before a column existed are read with nulls in it.
_LATER = "SELECT CAST(NULL AS DOUBLE) AS value_rounding, CAST(NULL AS DOUBLE) AS value_high_rounding WHERE false"
_SOURCE = f"(FROM read_parquet($files, union_by_name = true, filename = true) UNION ALL BY NAME {_LATER})"


@dataclass(frozen=True)
class ClaimVersion:
    """A claim as one generation said it."""

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


def is_revision(before: ClaimVersion, after: ClaimVersion) -> bool:
    """Whether the sentence changed in subject, unit, value or bounds; a change below its rounding is none."""
    if before.unit != after.unit or not _is_of_same_subject(before, after):
        return True
    return any(
        is_visible(one, other, rounding) if rounding else before.statement != after.statement
        for one, other, rounding in (
            (before.value, after.value, _coarser(before.value_rounding, after.value_rounding)),
            (_high(before), _high(after), _coarser(_high_rounding(before), _high_rounding(after))),
        )
    )


def _is_of_same_subject(before: ClaimVersion, after: ClaimVersion) -> bool:
    if before.subject == after.subject:
        return True
    # Claims recorded before `value_rounding` existed name the five leading models in the sentence alone.
    named = before.statement.removesuffix(".").rpartition(": ")[2].split(", ")
    return before.value_rounding is None and ", ".join(sorted(named)) == after.subject


def _high(said: ClaimVersion) -> float:
    return said.value if said.value_high is None else said.value_high


def _high_rounding(said: ClaimVersion) -> float | None:
    return said.value_rounding if said.value_high is None else said.value_high_rounding


def _coarser(one: float | None, other: float | None) -> float | None:
    """None if neither version has a rounding: both were recorded before it was published."""
    return max((rounding for rounding in (one, other) if rounding), default=None)


@dataclass(frozen=True)
class Verdict:
    """What has become of a sentence: how it was said then, how it is now (None if withdrawn), and all tellings."""

    then: ClaimVersion
    now: ClaimVersion | None
    tellings: Sequence[ClaimVersion]

    @property
    def state(self) -> State:
        if self.now is None:
            return "withdrawn"
        return "restated" if is_revision(self.then, self.now) else "unchanged"

    @property
    def change(self) -> str:
        """By how much the value and its high end have changed; empty if neither has, or the subject is another now."""
        if self.now is None or not _is_of_same_subject(self.then, self.now):
            return ""
        then, now = self.then, self.now
        ends = [_change(then.value, now.value, then.unit)] if now.value != then.value else []
        if (then.value_high, now.value_high) != (None, None) and _high(now) != _high(then):
            ends.append(f"{_change(_high(then), _high(now), then.unit)} at the high end")
        return " and ".join(ends)


def record(generations: Sequence[Path], folder: Path) -> int:
    """Keep what each of these generations, the oldest first, says anew or otherwise; returns how many sentences.

    A generation that a run could not record because it was killed is made up for by the next. Raises WarehouseError if
    the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        last = max((path.stem for path in folder.glob("*.parquet")), default="")
        return sum(_record(generation, folder) for generation in generations if generation.name > last)
    except (OSError, duckdb.Error) as error:
        raise WarehouseError(
            f"{folder}, which keeps the sentences that were published, cannot be written: {error}. The tables are "
            "published all the same. Make room or mend the folder's permissions: the next run makes up for it."
        ) from error


def _record(generation: Path, folder: Path) -> int:
    said = folder / f"{generation.name}.parquet"
    temporary = said.with_suffix(f".{os.getpid()}.tmp")
    with duckdb.connect() as connection:
        given = {"files": [_claims(generation)]}
        connection.execute(f"CREATE TABLE news AS SELECT {_COLUMNS} FROM {_SOURCE}", given)  # noqa: S608
        if files := sorted(map(file_pattern, folder.glob("*.parquet"))):
            recorded = {one.claim_id: one for one in _said(connection, files)}  # of each claim the newest version
            known = [
                one.claim_id
                for one in _said(connection, [_claims(generation)])
                if one.claim_id in recorded and not is_revision(recorded[one.claim_id], one)
            ]
            connection.execute("DELETE FROM news WHERE claim_id IN (SELECT unnest($known))", {"known": known})
        [(count,)] = connection.execute("SELECT count(*) FROM news").fetchall()
        if count:
            connection.execute(f"COPY (FROM news ORDER BY claim_id) TO {literal(temporary)} (FORMAT parquet)")
            temporary.replace(said)
    return int(count)


def check(claim_id: str, published: Path, folder: Path, as_of: dt.datetime | None = None) -> Verdict:
    """What has become of a sentence since it was quoted, as of that moment, or else since it was first said.

    Raises QueryError if it was never said.
    """
    files = sorted(map(file_pattern, folder.glob("*.parquet")))
    with duckdb.connect() as connection:
        now = _said(connection, [_claims(published)], claim_id)
        tellings = _said(connection, files, claim_id) if files else now
    tellings = tellings or now
    if not tellings:
        raise QueryError(
            f"No publication here has ever said {claim_id!r}. `routerscope cite` lists what is said now; an id is "
            "kind/period/first day, such as leading_model/week/2026-07-27."
        )
    # A citation line tells the moment to the second.
    by_then = [said for said in tellings if as_of is None or said.as_of.replace(microsecond=0) <= as_of]
    if not by_then:
        raise QueryError(
            f"{claim_id} was first said as of {tellings[0].as_of:%Y-%m-%dT%H:%M:%SZ}; nothing was said of it as of an "
            "earlier moment."
        )
    return Verdict(by_then[0 if as_of is None else -1], now[-1] if now else None, tellings)


def _said(connection: duckdb.DuckDBPyConnection, files: list[str], claim_id: str | None = None) -> list[ClaimVersion]:
    """The versions in these files, the oldest file first: of one claim, or of all."""
    rows: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {_COLUMNS} FROM {_SOURCE} WHERE $claim_id IS NULL OR claim_id = $claim_id ORDER BY filename",  # noqa: S608
        {"files": files, "claim_id": claim_id},
    ).fetchall()
    return [ClaimVersion(*row) for row in rows]


def _change(before: float, after: float, unit: str) -> str:
    difference = after - before
    if unit.startswith("fraction"):
        amount = f"{100 * difference:+.3g} percentage points"
    else:
        amount = f"{'+' if difference > 0 else '-'}{in_words(abs(difference), unit)} {unit}"
    return f"{amount} ({100 * difference / before:+.2g} %)" if before else amount


def _claims(generation: Path) -> str:
    return file_pattern(generation / "claim.parquet")
