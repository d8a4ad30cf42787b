"""The build reads exactly the files of its lake, whatever the folder's name; the check `inventory` compares them."""

import datetime as dt
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from conftest import NAME, PROJECT, environment

from orchestration.publish.audit import CHECKS, audit
from orchestration.publish.candidate import ReleaseCandidate
from orchestration.storage.lake import LEDGER, Lake, Provenance
from orchestration.storage.releases import FILE_NAME
from orchestration.transform import DBT_PROGRAM, DBT_PYTHON, WARN_ONLY
from orchestration.transform.manifest import share_parse_state

pytestmark = pytest.mark.xdist_group("inventory")

# NAME matches this name if it is read as a pattern.
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
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a small lake and dbt's raw views over it, and a neighbour with its own lake."""
    folder = tmp_path_factory.mktemp("data")
    fill(Lake(folder / NAME / "raw"), days=range(3, 6))
    fill(Lake(folder / NEIGHBOUR / "raw"), days=range(4, 9))
    share_parse_state(folder / "dbt")
    options = ["--target-path", folder / "dbt", "--log-path", folder / "dbt", *WARN_ONLY]
    finished = subprocess.run(
        [DBT_PYTHON, *DBT_PROGRAM, "run", "--select", "stg_openrouter__responses", *options],
        cwd=PROJECT,
        env=environment(folder, ROUTERSCOPE_DATA_DIR=f"{folder}/{NEIGHBOUR}/../{NAME}//"),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return folder / NAME


class Views:
    """The raw views of that warehouse, to be broken in a transaction, and the check's problems with them."""

    def __init__(self, data: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.lake, self.connection = Lake(data / "raw"), connection
        self.candidate = ReleaseCandidate(data, [], "real", data / "warehouse.duckdb", self.lake)

    def definition(self, name: str) -> str:
        [(sql,)] = self.connection.execute("select sql from duckdb_views() where view_name = ?", [name]).fetchall()
        return str(sql).partition(" AS ")[2].rstrip(";\n")

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)

    def problems(self) -> list[tuple[str, str]]:
        return [(row["table"], row["problem"]) for row in INVENTORY.find(self.candidate, self.connection)]


@pytest.fixture
def views(built: Path) -> Iterator[Views]:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{str(built / 'warehouse.duckdb').replace(chr(39), chr(39) * 2)}' as warehouse")
        connection.execute("use warehouse; begin")
        yield Views(built, connection)
        connection.execute("rollback")


def test_views_read_only_their_own_lake(views: Views) -> None:
    assert views.problems() == []
    found = views.connection.execute("select raw_file, count(*) from raw.rankings group by all").fetchall()
    assert dict(found) == {path.relative_to(views.lake.root).as_posix(): 3 for path in views.lake.files("rankings")}
    assert len(found) == 3
    assert views.connection.execute("select count(*) from raw.responses").fetchall() == [(5,)]


BROKEN = {
    "is empty": ("select * from ({}) where false", "returns nothing .* lists 3 rows", 3),
    "lacks a file": ("select * from ({0}) where raw_file <> (select min(raw_file) from ({0}))", "returns nothing", 1),
    "gives every row twice": ("from ({0}) union all from ({0})", "returns 6 rows .* lists 3 rows", 3),
    "gives one file twice": (
        "from ({0}) union all select * from ({0}) where raw_file = (select max(raw_file) from ({0}))",
        "returns 6 rows .* lists 3 rows",
        1,
    ),
    "lacks rows": ("select * from ({}) where total_tokens > 2", "returns 2 rows .* lists 3 rows", 3),
    "names no file": (
        "select * replace (null as raw_file) from ({})",
        "returns (9 rows .* lists nothing|nothing .* lists 3 rows)",
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
def test_view_over_another_lake_is_caught(folder: str, views: Views) -> None:
    other = str(views.lake.root.parent.with_name(folder)).replace("'", "''")
    for name in ("rankings", "responses"):
        written = views.definition(name)
        changed = re.sub(r"(read_parquet|kv_metadata)\('.*?(/raw/[^'/]+/observed)", rf"\1('{other}\2", written)
        assert changed != written
        views.execute(f"create or replace view raw.{name} as {changed}")
    problems = views.problems()
    assert {table for table, _ in problems} == {"raw.rankings", "raw.responses"}
    assert any("returns 3 rows of a file for which the ledger lists nothing" in one for _, one in problems)


def test_view_without_empty_responses_is_caught(views: Views) -> None:
    definition = views.definition("responses")
    views.execute(f"create or replace view raw.responses as select * from ({definition}) where rows > 0")
    [(table, problem)] = views.problems()
    assert table == "raw.responses"
    assert "returns nothing of a file for which the ledger lists 0 rows" in problem


def test_table_instead_of_a_view_is_caught(views: Views) -> None:
    views.execute("create table main.kept as from raw.providers; drop view raw.providers")
    views.execute("create table raw.providers as from main.kept")
    [(table, problem)] = views.problems()
    assert (table, "it is a table" in problem) == ("raw.providers", True)
    views.execute("drop table raw.providers")
    [(table, problem)] = views.problems()
    assert (table, "it is missing" in problem) == ("raw.providers", True)


def test_view_of_a_dropped_table_is_caught(built: Path, tmp_path: Path) -> None:
    shutil.copy(built / "warehouse.duckdb", tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create table gone as from raw.rankings; create or replace view raw.rankings as from gone")
        connection.execute("drop table gone")
        [(table, problem)] = Views(built, connection).problems()
    assert table == "raw.rankings"
    assert re.search(r"(?s)cannot be read: Catalog Error.*gone.*Run the whole job `refresh`", problem)


def test_lost_file_is_named_with_both_remedies(views: Views) -> None:
    lost = views.lake.files("rankings")[1]
    moved = lost.with_name("moved")
    lost.rename(moved)
    try:
        [row] = INVENTORY.find(views.candidate, views.connection)
        assert row["raw_file"] == lost.relative_to(views.lake.root).as_posix()
        assert "a raw file was lost" in row["problem"]
        assert "Restore it from a backup" in row["problem"]
        before = (views.lake.root / LEDGER).read_bytes()
        (views.lake.root / LEDGER).unlink()
        assert views.problems() == []
        (views.lake.root / LEDGER).write_bytes(before)
    finally:
        moved.rename(lost)
    assert views.problems() == []


def test_failing_check_does_not_hide_others(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release lacks the table of scopes, which another check reads."""
    monkeypatch.setattr(
        "orchestration.publish.audit.CHECKS", [one for one in CHECKS if one.name in ("scope", "inventory")]
    )
    duckdb.connect(str(built / FILE_NAME)).close()
    candidate = ReleaseCandidate(built, [], "real", built / "warehouse.duckdb", Lake(built / "raw"))
    results = {result.check.name: result for result in audit(candidate)}
    assert results["inventory"].passed
    assert "the check cannot run: Catalog Error" in str(results["scope"])
