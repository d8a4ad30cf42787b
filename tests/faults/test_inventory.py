"""The build reads what the lake holds, whatever the data folder is called; the check `inventory` alone sees to it."""

import datetime as dt
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from conftest import PROJECT, REFRESH, Run, differing, environment, replay

from orchestration.alerts.events import release_alerts
from orchestration.publish.audit import CHECKS, Generation, audit
from orchestration.publish.claim_history import CLAIM_HISTORY, check, record
from orchestration.storage.lake import LEDGER, Lake, Provenance
from orchestration.storage.warehouse import FILE_NAME, file_pattern

NAME = "it's [a] *test"
# What that name matches if it is taken for a pattern.
NEIGHBOUR = "it's a longtest"
[INVENTORY] = [one for one in CHECKS if one.name == "inventory"]


def fill(lake: Lake, *, days: range) -> None:
    """A response of rankings on each of these days of July, one of providers, and one of apps without rows."""
    responses = [
        ("providers", 3, pa.table({"slug": ["a"]})),
        ("apps", 3, pa.table({"app_id": pa.array([], pa.int64())})),
        *(("rankings", day, pa.table({"model_permaslug": list("abc"), "total_tokens": [3, 2, day]})) for day in days),
    ]
    for surface, day, rows in responses:
        moment = dt.datetime(2026, 7, day, tzinfo=dt.UTC)
        lake.write(surface, rows, Provenance(moment, moment, "https://a", "https://a", "", "", f"{day:064}", 1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a small lake and dbt's raw views over it, beside that of a neighbour."""
    folder = tmp_path_factory.mktemp("data")
    fill(Lake(folder / NAME / "raw"), days=range(3, 6))
    fill(Lake(folder / NEIGHBOUR / "raw"), days=range(4, 9))
    command = [Path(REFRESH[0]).with_name("dbt"), "run", "--target-path", folder / "dbt", "--log-path", folder / "dbt"]
    finished = subprocess.run(
        [*command, "--select", "stg_openrouter__responses"],
        cwd=PROJECT,
        env=environment(folder, ROUTERSCOPE_DATA_DIR=f"{folder}/{NEIGHBOUR}/../{NAME}//"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return folder / NAME


class Views:
    """The raw views of that warehouse, to be broken in a transaction, and what the check says of them."""

    def __init__(self, data: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.lake, self.connection = Lake(data / "raw"), connection
        self.generation = Generation(data, [], "real", data / "warehouse.duckdb", self.lake)

    def definition(self, name: str) -> str:
        [(sql,)] = self.connection.execute("select sql from duckdb_views() where view_name = ?", [name]).fetchall()
        return str(sql).partition(" AS ")[2].rstrip(";\n")

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)

    def problems(self) -> list[tuple[str, str]]:
        return [(row["table"], row["problem"]) for row in INVENTORY.find(self.generation, self.connection)]


@pytest.fixture
def views(made: Path) -> Iterator[Views]:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{str(made / 'warehouse.duckdb').replace(chr(39), chr(39) * 2)}' as warehouse")
        connection.execute("use warehouse; begin")
        yield Views(made, connection)
        connection.execute("rollback")


def test_views_read_their_own_lake_and_nothing_else(views: Views) -> None:
    assert views.problems() == []
    found = views.connection.execute("select raw_file, count(*) from raw.rankings group by all").fetchall()
    assert dict(found) == {path.relative_to(views.lake.root).as_posix(): 3 for path in views.lake.files("rankings")}
    assert len(found) == 3
    assert views.connection.execute("select count(*) from raw.responses").fetchall() == [(5,)]


BROKEN = {
    "is empty": ("select * from ({}) where false", "gives nothing .* lists 3 rows", 3),
    "lacks a file": ("select * from ({0}) where raw_file <> (select min(raw_file) from ({0}))", "gives nothing", 1),
    "gives every row twice": ("from ({0}) union all from ({0})", "gives 6 rows .* lists 3 rows", 3),
    "gives one file twice": (
        "from ({0}) union all select * from ({0}) where raw_file = (select max(raw_file) from ({0}))",
        "gives 6 rows .* lists 3 rows",
        1,
    ),
    "lacks rows": ("select * from ({}) where total_tokens > 2", "gives 2 rows .* lists 3 rows", 3),
    "names no file": (
        "select * replace (null as raw_file) from ({})",
        "gives (9 rows .* lists nothing|nothing .* lists 3 rows)",
        4,
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_view_is_caught(how: str, views: Views) -> None:
    sql, words, count = BROKEN[how]
    definition = views.definition("rankings")
    views.execute(f"create or replace view raw.rankings as {sql.format(definition)}")
    problems = views.problems()
    assert len(problems) == count
    assert {table for table, _ in problems} == {"raw.rankings"}
    assert all(re.search(rf"{words}.*Run the whole job `refresh`", problem) for _, problem in problems), problems


@pytest.mark.parametrize("folder", [NEIGHBOUR, NAME], ids=["of the neighbour", "of both, the name as a pattern"])
def test_view_over_a_neighbours_lake_is_caught(folder: str, views: Views) -> None:
    other = str(views.lake.root.parent.with_name(folder)).replace("'", "''")
    for name in ("rankings", "responses"):
        written = views.definition(name)
        changed = re.sub(r"(read_parquet|kv_metadata)\('.*?(/raw/[^'/]+/observed)", rf"\1('{other}\2", written)
        assert changed != written
        views.execute(f"create or replace view raw.{name} as {changed}")
    problems = views.problems()
    assert {table for table, _ in problems} == {"raw.rankings", "raw.responses"}
    assert any("gives 3 rows of a file for which the lake's ledger lists nothing" in one for _, one in problems)


def test_view_of_responses_without_rows_is_compared_too(views: Views) -> None:
    definition = views.definition("responses")
    views.execute(f"create or replace view raw.responses as select * from ({definition}) where rows > 0")
    [(table, problem)] = views.problems()
    assert table == "raw.responses"
    assert "gives nothing of a file for which the lake's ledger lists 0 rows" in problem


def test_table_in_place_of_a_view_is_caught(views: Views) -> None:
    views.execute("create table main.kept as from raw.providers; drop view raw.providers")
    views.execute("create table raw.providers as from main.kept")
    [(table, problem)] = views.problems()
    assert (table, "it is a table" in problem) == ("raw.providers", True)
    views.execute("drop table raw.providers")
    [(table, problem)] = views.problems()
    assert (table, "it is missing" in problem) == ("raw.providers", True)


def test_view_that_cannot_be_read_is_caught(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "warehouse.duckdb", tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create table gone as from raw.rankings; create or replace view raw.rankings as from gone")
        connection.execute("drop table gone")
        [(table, problem)] = Views(made, connection).problems()
    assert table == "raw.rankings"
    assert re.search(r"(?s)cannot be read: Catalog Error.*gone.*Run the whole job `refresh`", problem)


def test_lost_file_is_named_with_both_ways_on(views: Views) -> None:
    lost = views.lake.files("rankings")[1]
    kept = lost.with_name("kept-aside")
    lost.rename(kept)
    try:
        [row] = INVENTORY.find(views.generation, views.connection)
        assert row["raw_file"] == lost.relative_to(views.lake.root).as_posix()
        assert "an observation was lost" in row["problem"]
        assert "Restore it from a copy" in row["problem"]
        before = (views.lake.root / LEDGER).read_bytes()
        (views.lake.root / LEDGER).unlink()
        assert views.problems() == []
        (views.lake.root / LEDGER).write_bytes(before)
    finally:
        kept.rename(lost)
    assert views.problems() == []


def test_check_that_cannot_run_hides_no_other(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release has no table of scopes here, which another check reads."""
    monkeypatch.setattr(
        "orchestration.publish.audit.CHECKS", [one for one in CHECKS if one.name in ("scope", "inventory")]
    )
    duckdb.connect(str(made / FILE_NAME)).close()
    generation = Generation(made, [], "real", made / "warehouse.duckdb", Lake(made / "raw"))
    results = {result.check.name: result for result in audit(generation)}
    assert results["inventory"].passed
    assert "the check could not be run: Catalog Error" in str(results["scope"])


def test_any_folder_name_gives_the_right_figures(few_run: Run, few: Path, home: Path, tmp_path: Path) -> None:
    neighbour = Lake(tmp_path / NEIGHBOUR / "raw")
    fill(neighbour, days=range(3, 6))
    run = replay(tmp_path / NAME, few, home)
    assert run.code == 0, run.output
    assert differing(run, few_run) == []
    assert f"--data '{tmp_path}/it'\"'\"'s [a] *test'" in run.output
    published, said = (run.data / "published").resolve(), run.data / CLAIM_HISTORY
    assert [alert.id for alert in release_alerts(published)] == [
        alert.id for alert in release_alerts((few_run.data / "published").resolve())
    ]
    again = published.with_name("20990101T000000.000000Z")
    published.rename(again)
    assert record([again], said) == 0
    [(claim,)] = duckdb.execute(
        "select min(claim_id) from read_parquet($files)", {"files": file_pattern(again / "claim.parquet")}
    ).fetchall()
    assert check(claim, again, said).state == "unchanged"
