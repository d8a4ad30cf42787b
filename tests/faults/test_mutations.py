"""A sweep of small harms over what was built, one at a time: every one is caught before it is published.

What laws about the figures catch is told apart from what only asking the model once more does.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random

import duckdb
import pytest
from conftest import Run
from in_memory import Compiled

from orchestration.publish.audit import differing
from orchestration.publish.catalog import published_tables
from orchestration.storage.warehouse import Table, quoted
from orchestration.transform.manifest import MANIFEST

IN_THE_SUITE = 120
NUMBERS = ("BIGINT", "DOUBLE", "INTEGER")
MEMBERS = ("author", "model_permaslug", "model_id", "app_id", "provider_name", "segment", "member", "subject")


@dataclass(frozen=True)
class Mutant:
    kind: str
    mart: Table
    column: str
    sql: str


def mutants(mart: Table, connection: duckdb.DuckDBPyConnection, random: Random) -> Iterator[Mutant]:
    """One harm of each kind to each column of a mart that it can be done to, each to a row of its own."""
    name = f"marts.{quoted(mart.name)}"
    relation = connection.table(f"marts.{mart.name}")

    def a_row(condition: str) -> str | None:
        found = connection.sql(f"select rowid from {name} where {condition} order by rowid").fetchall()
        return str(random.choice(found)[0]) if found else None

    def on_a_row(kind: str, column: str, change: str, condition: str) -> Iterator[Mutant]:
        if row := a_row(condition):
            yield Mutant(kind, mart, column, f"update {name} set {quoted(column)} = {change} where rowid = {row}")

    for column, kind in zip(relation.columns, map(str, relation.types), strict=True):
        if column == "scope_id":
            yield from on_a_row("mix one row of the other kind in", column, OTHER_SCOPE, "true")
            continue
        is_told = f"{quoted(column)} is not null"
        if column not in (*mart.key, "source_url", "as_of", "oldest_as_of", "checked_at"):
            yield from on_a_row("drop a value", column, "null", is_told)
        if kind in ("DATE", "TIMESTAMP"):
            yield from on_a_row("shift a date by a day", column, f"{quoted(column)} + interval 1 day", is_told)
        elif kind in NUMBERS and column not in ("app_id", "tag_no"):
            larger = f"{quoted(column)} + greatest(1, 0.01 * {quoted(column)})" if kind != "DOUBLE" else ""
            yield from on_a_row("scale by 1.01", column, larger or f"{quoted(column)} * 1.01", f"{column} <> 0")
        elif kind == "BOOLEAN":
            yield from on_a_row("say the opposite", column, f"not {quoted(column)}", is_told)
        elif column == "price_basis":
            yield from on_a_row(
                "call a price observed", column, "'observed'", "price_basis not in ('observed', 'none')"
            )
        if column in MEMBERS and (row := a_row(f"{is_told} and cast({column} as varchar) not in ('other', 'all')")):
            other = f"(select {column} from {name} where {column} <> told.{column} order by {column} limit 1)"
            yield Mutant(
                "swap two members", mart, column, f"update {name} as told set {column} = {other} where rowid = {row}"
            )
    if row := a_row("true"):
        yield Mutant("double a row", mart, "", f"insert into {name} from {name} where rowid = {row}")
        yield Mutant("drop a row", mart, "", f"delete from {name} where rowid = {row}")
    for column in ("segment", "member", "model_permaslug"):
        if column in relation.columns and a_row(f"{column} = 'other'"):
            yield Mutant("drop `other`", mart, column, f"delete from {name} where {column} = 'other'")
    if mart.name == "traffic_summary":
        dropped = "total_tokens = total_tokens - other_tokens, other_tokens = 0, other_share = 0"
        yield Mutant("drop `other`", mart, "total_tokens", f"update {name} set {dropped}")
    if "is_estimate" in relation.columns and a_row("is_estimate"):
        yield Mutant("mark an estimate exact", mart, "is_estimate", f"update {name} set is_estimate = false")
    if mart.name == "spend_model":
        prices = "prompt_usd_per_mtok", "completion_usd_per_mtok", "cache_read_usd_per_mtok", "price_as_of"
        later = (
            "spend_model.model_permaslug = later.model_permaslug and later.period_start = spend_model.period_start + 1"
        )
        yield Mutant(
            "use tomorrow's price",
            mart,
            "prompt_usd_per_mtok",
            f"update {name} set {', '.join(f'{price} = later.{price}' for price in prices)} from {name} as later "
            f"where {later} and spend_model.period = 'day' and later.period = 'day'",
        )


OTHER_SCOPE = "case scope_id when 'simulated' then 'openrouter_public_traffic' else 'simulated' end"


class Sweep:
    """The checks of a finished run, to be asked of its warehouse while it is harmed."""

    def __init__(self, run: Run) -> None:
        self._compiled = Compiled(run.data)
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'; attach ':memory:' as warehouse")
        self.connection.execute(f"attach '{run.data / 'warehouse.duckdb'}' as built (read_only)")
        self.connection.execute("copy from database built to warehouse; use warehouse; detach built")
        self._sql = {node["name"]: node["compiled_code"] for node in self._compiled.models}

    def close(self) -> None:
        self.connection.close()

    def laws_of(self, mart: Table) -> list[dict]:
        return [law for law in self._compiled.laws if f"model.routerscope.{mart.name}" in law["depends_on"]["nodes"]]

    def catches(self, mutant: Mutant) -> str:
        """What catches it: a law, asking the model once more, or nothing; its trace is undone."""
        self.connection.execute("begin")
        try:
            self.connection.execute(mutant.sql)
            for law in self.laws_of(mutant.mart):
                if self.connection.execute(f"select 1 from ({law['compiled_code']}) limit 1").fetchall():
                    return "law"
            again = differing(self.connection, "warehouse.marts", mutant.mart, self._sql[mutant.mart.name])
            return "once more" if len(again) else "nothing"
        finally:
            self.connection.execute("rollback")


def sweep(run: Run, seed: int, share: float) -> tuple[Counter, dict[str, list[Mutant]]]:
    with closing(Sweep(run)) as checks:
        return _sweep(checks, Random(seed), share)


def _sweep(checks: "Sweep", random: Random, share: float) -> tuple[Counter, dict[str, list[Mutant]]]:
    caught: dict[str, list[Mutant]] = {"law": [], "once more": [], "nothing": []}
    kinds: Counter = Counter()
    for mart in published_tables(MANIFEST):
        if mart.name == "scopes":
            continue
        every = list(mutants(mart, checks.connection, random))
        # At least two of each mart, whatever the share.
        for mutant in random.sample(every, min(len(every), max(2, round(share * len(every))))):
            caught[checks.catches(mutant)].append(mutant)
            kinds[mutant.kind] += 1
    return kinds, caught


@pytest.mark.parametrize("source", ["everything", "simulated"])
def test_every_small_harm_is_caught(
    source: str, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """A sample; `ALL_MUTANTS=1` tries every one, and says what laws catch and what only asking once more does."""
    try_all = bool(os.environ.get("ALL_MUTANTS"))
    kinds, caught = sweep(request.getfixturevalue(source), seed=5, share=1.0 if try_all else 0.06)
    told = {name: len(found) for name, found in caught.items()}
    record_property(source, f"{sum(told.values())} harms of {len(kinds)} kinds, caught by {told}")
    assert caught["nothing"] == []
    assert sum(told.values()) >= IN_THE_SUITE / 2
    assert len(caught["law"]) > len(caught["once more"])
