"""A sweep of small corruptions over a finished build, one at a time: a check catches each before it is published.

The result counts separately what a mart's contract rejects, what data tests catch, and what only rebuilding the model
does, as `reproducible` does.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random

import duckdb
import pytest
from conftest import Run
from in_memory import Compiled

from orchestration.publish.catalog import published_tables
from orchestration.publish.rebuilt_rows import has_equal_rows
from orchestration.storage.releases import Table
from orchestration.storage.sql import quoted
from orchestration.transform.manifest import MANIFEST

MIN_MUTANTS = 60
NUMBERS = ("BIGINT", "DOUBLE", "INTEGER")
MEMBERS = ("author", "model_permaslug", "model_id", "app_id", "provider_name", "segment", "member", "subject")


@dataclass(frozen=True)
class Mutant:
    kind: str
    mart: Table
    column: str
    sql: str


def mutants(mart: Table, connection: duckdb.DuckDBPyConnection, random: Random) -> Iterator[Mutant]:
    """One mutant of each kind for each column of a mart that it applies to, each in a random row."""
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
            yield from on_a_row("mix in a row of the other scope", column, OTHER_SCOPE, "true")
            continue
        is_given = f"{quoted(column)} is not null"
        if column not in (*mart.key, "source_url", "as_of", "oldest_as_of", "checked_at"):
            yield from on_a_row("drop a value", column, "null", is_given)
        if kind in ("DATE", "TIMESTAMP"):
            yield from on_a_row("shift a date by a day", column, f"{quoted(column)} + interval 1 day", is_given)
        elif kind in NUMBERS and column not in ("app_id", "tag_no"):
            larger = f"{quoted(column)} + greatest(1, 0.01 * {quoted(column)})" if kind != "DOUBLE" else ""
            yield from on_a_row("scale by 1.01", column, larger or f"{quoted(column)} * 1.01", f"{column} <> 0")
        elif kind == "BOOLEAN":
            yield from on_a_row("negate", column, f"not {quoted(column)}", is_given)
        elif column == "price_basis":
            yield from on_a_row(
                "call a price observed", column, "'observed'", "price_basis not in ('observed', 'none')"
            )
        if column in MEMBERS and (row := a_row(f"{is_given} and cast({column} as varchar) not in ('other', 'all')")):
            other = f"(select {column} from {name} where {column} <> swapped.{column} order by {column} limit 1)"
            yield Mutant(
                "swap two members", mart, column, f"update {name} as swapped set {column} = {other} where rowid = {row}"
            )
    if row := a_row("true"):
        yield Mutant("duplicate a row", mart, "", f"insert into {name} from {name} where rowid = {row}")
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
    """The checks of a finished run, over a copy of its warehouse that is mutated and restored."""

    def __init__(self, run: Run) -> None:
        self._compiled = Compiled(run.data)
        self._built = self._compiled.copy_with_rows()  # a view would read the files of the lake for every mutant
        self.connection = self._built.connection
        self._sql = {node["name"]: node["compiled_code"] for node in self._compiled.models}

    def catches(self, mutant: Mutant) -> str:
        """What catches the mutant: a contract, a data test, rebuilding the model, or nothing. It is rolled back."""
        with self._built.rolled_back():
            try:
                self.connection.execute(mutant.sql)
            except duckdb.ConstraintException:
                return "contract"
            # Short ones first: they are fast and catch most mutants.
            for law in sorted(self._compiled.laws_of(mutant.mart.name), key=lambda law: len(law["compiled_code"])):
                if self._built.query(f"select 1 from ({law['compiled_code']}) limit 1"):
                    return "data test"
            sql = self._sql[mutant.mart.name]
            return "nothing" if has_equal_rows(self.connection, "warehouse.marts", mutant.mart, sql) else "rebuild"


def sweep(run: Run, seed: int, share: float) -> tuple[Counter, dict[str, list[Mutant]]]:
    checks, random = Sweep(run), Random(seed)
    caught: dict[str, list[Mutant]] = {"contract": [], "data test": [], "rebuild": [], "nothing": []}
    kinds: Counter = Counter()
    with closing(checks.connection):
        for mart in published_tables(MANIFEST):
            if mart.name == "scopes":
                continue
            every = list(mutants(mart, checks.connection, random))
            # At least two of each mart, whatever the share.
            for mutant in random.sample(every, min(len(every), max(2, round(share * len(every))))):
                caught[checks.catches(mutant)].append(mutant)
                kinds[mutant.kind] += 1
    return kinds, caught


@pytest.mark.parametrize(
    ("source", "share"),
    [
        ("simulated", 0.06),
        pytest.param("simulated", 1.0, marks=pytest.mark.long),
        pytest.param("everything", 1.0, marks=pytest.mark.long),
    ],
)
def test_every_mutant_is_caught(
    source: str, share: float, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    kinds, caught = sweep(request.getfixturevalue(source), seed=5, share=share)
    counts = {name: len(found) for name, found in caught.items()}
    record_property(source, f"{sum(counts.values())} mutants of {len(kinds)} kinds, caught by {counts}")
    assert caught["nothing"] == []
    assert sum(counts.values()) >= MIN_MUTANTS
    assert len(caught["data test"]) > len(caught["rebuild"])
