"""What was said before: every sentence of the table `claim` that was ever published, and whether it still holds.

    <data>/said/<generation>.parquet    the claims that this generation said anew or otherwise, never changed

The marts are made anew by every run and forget; a sentence that somebody has quoted must not be forgotten. How a claim
is worded is the mart's business.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.errors import QuestionError, WarehouseError
from orchestration.warehouse import file_pattern, literal

SAID = "said"
State = Literal["unchanged", "restated", "withdrawn"]
_COLUMNS = "claim_id, subject, value, value_high, unit, statement, citation, source_url, as_of, checked_at"


@dataclass(frozen=True)
class Said:
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


@dataclass(frozen=True)
class Verdict:
    """What has become of a sentence: how it was said then, how it is now (None if withdrawn), and all tellings."""

    then: Said
    now: Said | None
    tellings: Sequence[Said]

    @property
    def state(self) -> State:
        if self.now is None:
            return "withdrawn"
        return "unchanged" if self.now.statement == self.then.statement else "restated"

    @property
    def change(self) -> str:
        """By how much the value has changed, in words; empty if it is about somebody else now."""
        if self.now is None or self.now.subject != self.then.subject:
            return ""
        difference = self.now.value - self.then.value
        amount = (
            f"{100 * difference:+.3g} percentage points"
            if self.then.unit.startswith("fraction")
            else f"{difference:+,.4g} {self.then.unit}"
        )
        return f"{amount} ({100 * difference / self.then.value:+.2g} %)" if self.then.value else amount


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
        connection.read_parquet(_claims(generation)).project(_COLUMNS).create("news")
        if files := sorted(map(file_pattern, folder.glob("*.parquet"))):
            connection.execute(
                "DELETE FROM news USING (FROM read_parquet($files, filename = true) QUALIFY row_number() OVER "
                "(PARTITION BY claim_id ORDER BY filename DESC) = 1) AS before WHERE news.claim_id = before.claim_id "
                "AND (news.statement, news.value, news.value_high) IS NOT DISTINCT FROM "
                "(before.statement, before.value, before.value_high)",
                {"files": files},
            )
        [(count,)] = connection.execute("SELECT count(*) FROM news").fetchall()
        if count:
            connection.execute(f"COPY (FROM news ORDER BY claim_id) TO {literal(temporary)} (FORMAT parquet)")
            temporary.replace(said)
    return int(count)


def check(claim_id: str, published: Path, folder: Path, as_of: dt.datetime | None = None) -> Verdict:
    """What has become of a sentence since it was quoted, as of that moment, or else since it was first said.

    Raises QuestionError if it was never said.
    """
    files = sorted(map(file_pattern, folder.glob("*.parquet")))
    with duckdb.connect() as connection:
        now = _said(connection, "read_parquet($files)", [_claims(published)], claim_id)
        tellings = _said(connection, "read_parquet($files, filename = true)", files, claim_id) if files else now
    tellings = tellings or now
    if not tellings:
        raise QuestionError(
            f"No publication here has ever said {claim_id!r}. `routerscope cite` lists what is said now; an id is "
            "kind/period/first day, such as leading_model/week/2026-07-27."
        )
    # A citation line tells the moment to the second.
    by_then = [said for said in tellings if as_of is None or said.as_of.replace(microsecond=0) <= as_of]
    if not by_then:
        raise QuestionError(
            f"{claim_id} was first said as of {tellings[0].as_of:%Y-%m-%dT%H:%M:%SZ}; nothing was said of it as of an "
            "earlier moment."
        )
    return Verdict(by_then[0 if as_of is None else -1], now[-1] if now else None, tellings)


def _said(connection: duckdb.DuckDBPyConnection, source: str, files: list[str], claim_id: str) -> list[Said]:
    order = "filename" if "filename" in source else "claim_id"
    rows: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {_COLUMNS} FROM {source} WHERE claim_id = $claim_id ORDER BY {order}",  # noqa: S608
        {"files": files, "claim_id": claim_id},
    ).fetchall()
    return [Said(*row) for row in rows]


def _claims(generation: Path) -> str:
    return file_pattern(generation / "claim.parquet")
