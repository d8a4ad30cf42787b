"""A check finds every corruption of a build, and the published release stays as it was.

Each corruption is applied to a copy in memory, where only its check runs. One that a data test finds and one that the
audit finds are applied to a data folder, to prove that nothing is published.
"""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from code_location import definitions
from conftest import PROJECT, Run, replace_content
from corruptions import ALL_CORRUPTIONS, FIGURE_CORRUPTIONS, FILE_CORRUPTIONS, RELEASE_CORRUPTIONS, Corruption
from in_memory import Compiled
from test_generated_docs import assert_document

from orchestration.defs.published import prepare_completion
from orchestration.defs.raw import raw_key
from orchestration.defs.raw_checks import raw_checks
from orchestration.defs.resources import reject_build
from orchestration.errors import RejectedError, WarehouseError
from orchestration.openrouter.surfaces import MODELS, RANKINGS
from orchestration.publish import completion
from orchestration.publish.audit import CHECKS, Result
from orchestration.publish.candidate import ReleaseCandidate
from orchestration.publish.catalog import published_tables
from orchestration.settings import Settings
from orchestration.storage.lake import Lake
from orchestration.storage.releases import FILE_NAME, Releases, Table
from orchestration.storage.warehouse import Warehouse
from orchestration.transform import WARN_ONLY
from orchestration.transform.manifest import MANIFEST
from orchestration.transform.results import BuildResults, target_folder

pytestmark = pytest.mark.xdist_group("corruptions")

DOCUMENT = PROJECT / "docs" / "checks.md"
TABLES = published_tables(MANIFEST)
TABLE = re.compile(r"^\|.*(?:\n\|.*)*", re.MULTILINE)


class Copy:
    """A copy in memory of the warehouse of a finished run, whose schema `published` shows what a release of it has."""

    def __init__(self, run: Run) -> None:
        self.compiled = Compiled(run.data)
        self.built = self.compiled.copy()
        self.connection = self.built.connection
        self.connection.execute("create schema published")
        for table in TABLES:
            name = f"{table.schema}.{table.name}"
            self.connection.execute(f"create view published.{table.name} as from warehouse.{name}")
        lake = Lake(run.data / "raw")
        sql = {model["name"]: model["compiled_code"] for model in self.compiled.models}
        self.candidate = ReleaseCandidate(run.published.parent, TABLES, lake.kind, self.compiled.warehouse, lake, sql)

    def corrupt(self, corruption: Corruption) -> None:
        self.connection.execute("use warehouse.marts")
        self.built.change(corruption.sql.split("; "))

    def data_test(self, corruption: Corruption) -> str:
        """The line in which a rejected build describes the data test that finds a corruption."""
        [law] = [
            law for law in self.compiled.laws_of(corruption.where.split(".")[-1]) if law["name"] == corruption.check
        ]
        rows = self.connection.sql(law["compiled_code"]).to_arrow_table()
        assert len(rows), f"{corruption.check} finds nothing"
        result = {"unique_id": law["unique_id"], "status": "warn", "failures": len(rows)}
        return SampleOf(rows).describe(result)

    def audit(self, name: str, **changes: object) -> str:
        """The message of an audit check that fails, for a release with these attributes changed."""
        self.connection.execute("use warehouse.published")
        return failure(name, replace(self.candidate, **changes), self.connection)


class SampleOf(BuildResults):
    """Describes a failed data test with rows that are given."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def sample(self, _: object) -> pa.Table:
        return self._rows


def failure(name: str, candidate: ReleaseCandidate, connection: duckdb.DuckDBPyConnection) -> str:
    [check] = [check for check in CHECKS if check.name == name]
    found = list(check.find(candidate, connection))
    assert found, f"{name} finds nothing"
    assert found[0]["table"]
    return str(Result(check, found, len(found)))


@pytest.fixture(scope="module")
def copy_of(request: pytest.FixtureRequest) -> Callable[[str], Copy]:
    """Returns the copy of a run, by the name of its fixture; the test takes back what it changes."""
    return cache(lambda name: Copy(request.getfixturevalue(name)))


@pytest.mark.parametrize("corruption", FIGURE_CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_data_test_finds_corrupt_figure(corruption: Corruption, copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of(corruption.run)
    with copy.built.rolled_back():
        copy.corrupt(corruption)
        line = copy.data_test(corruption)
    assert line.startswith(f"  {corruption.check}: ")
    assert re.search(corruption.message, line), line


@pytest.mark.parametrize("corruption", RELEASE_CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_audit_finds_corrupt_release(corruption: Corruption, copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of(corruption.run)
    with copy.built.rolled_back():
        copy.corrupt(corruption)
        assert re.search(corruption.message, copy.audit(corruption.check))


def test_audit_finds_new_mart_without_provenance(copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of("few_run")
    new = Table("a_new_mart", "marts", "A new mart.", {"id": "A number."}, ("id",))
    with copy.built.rolled_back():
        copy.connection.execute("create table warehouse.published.a_new_mart as select 1 as id")
        assert re.search(FILE_CORRUPTIONS[0].message, copy.audit("provenance", tables=[*TABLES, new]))


@pytest.mark.parametrize(
    ("number", "column", "description"),
    [(1, "tokens", "Tokens observed."), (2, "share", "The author's market share.")],
)
def test_audit_finds_description_with_overclaim_or_without_note(
    number: int, column: str, description: str, copy_of: Callable[[str], Copy]
) -> None:
    corruption = FILE_CORRUPTIONS[number]
    tables = [
        replace(table, columns={**table.columns, column: description}) if table.name == corruption.where else table
        for table in TABLES
    ]
    assert re.search(corruption.message, copy_of("few_run").audit(corruption.check, tables=tables))


@pytest.mark.parametrize("corruption", FILE_CORRUPTIONS[3:5], ids=lambda corruption: corruption.what)
def test_audit_finds_file_unlike_its_description(
    corruption: Corruption, few_run: Run, copy_of: Callable[[str], Copy], tmp_path: Path
) -> None:
    folder = shutil.copytree(few_run.published.parent, tmp_path / "release")
    candidate = replace(copy_of("few_run").candidate, folder=folder)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder / FILE_NAME}' as published (read_only); use published")
        [check] = [check for check in CHECKS if check.name == corruption.check]
        assert list(check.find(candidate, connection)) == []
        with (folder / corruption.where).open("ab") as file:
            file.write(b"!")
        assert re.search(corruption.message, failure(corruption.check, candidate, connection))


@pytest.fixture
def data(started_from_few: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a finished run, which the test may change."""
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(started_from_few))
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(few))
    return started_from_few


@pytest.fixture
def unchanged(data: Path) -> Iterator[None]:
    """Asserts after the test that the release is the one published before it, byte for byte."""

    def state() -> dict[str, str]:
        files = [path for path in (data / "published").resolve().rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = state()
    yield
    assert len(before) > 30
    assert state() == before


@pytest.mark.usefixtures("unchanged")
def test_build_that_a_data_test_rejects_is_not_published(data: Path) -> None:
    [corruption] = [one for one in FIGURE_CORRUPTIONS if one.what == "Tokens of a day are 1% too high"]
    warehouse = Warehouse(data)
    warehouse.start()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"set schema = 'marts'; {corruption.sql}")

    failing = failing_data_tests(data, corruption.where)

    assert corruption.check in failing
    with pytest.raises(RejectedError) as error:
        raise reject_build(warehouse, BuildResults(target_folder(data), warehouse.path).describe_failures())
    [line] = [line for line in str(error.value).splitlines() if line.startswith(f"  {corruption.check}: ")]
    assert re.search(corruption.message, line), line
    assert "The published release is unchanged" in str(error.value)
    assert (data / "rejected" / "warehouse.duckdb").exists()
    assert corruption.check in (data / "rejected" / "why.txt").read_text(encoding="utf-8")
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        Releases(data).publish(warehouse, TABLES)


def failing_data_tests(data: Path, model: str) -> set[str]:
    """The names of the data tests of a model that fail."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # dbt takes seconds to import
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    target = str(target_folder(data))
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    folders += ["--target-path", target, "--log-path", target]
    only = ["--exclude-resource-type", "unit_test", "--select", model]
    parsed = Manifest.from_msgpack((target_folder(data) / "partial_parse.msgpack").read_bytes())
    parsed.build_flat_graph()
    result = dbtRunner(manifest=parsed).invoke(["--quiet", "test", *only, *WARN_ONLY, *folders])
    DuckDBConnectionManager.close_all_connections()  # dbt would keep the file open in this process
    assert result.exception is None, result.exception
    assert not [one.node.name for one in result.result if one.status == "error"]
    return {one.node.name for one in result.result if one.status == "warn"}


@pytest.mark.usefixtures("unchanged")
def test_release_that_the_audit_rejects_is_not_published(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A raw file is lost after the build, and the report contains an overclaim: the audit names both."""

    def with_overclaim(folder: Path, *_: object) -> list[str]:
        (folder / "report").mkdir()
        (folder / "report" / "index.html").write_text(" ".join(["The", "market", "share"]), encoding="utf-8")
        return ["A picture is missing."]

    monkeypatch.setattr(completion, "write_report", with_overclaim)
    lost = sorted((data / "raw" / "rankings").rglob("*.parquet"))[1]
    lost.unlink()
    warehouse, completing = Warehouse(data), prepare_completion(Settings.load())
    warehouse.approve()
    with pytest.raises(RejectedError) as error:
        Releases(data).publish(warehouse, completing.tables, completing)
    inventory, overclaims = [result for result in completing.results if not result.passed]
    assert str(inventory) in str(error.value)
    assert FILE_CORRUPTIONS[7].message in str(inventory)
    assert lost.name in str(inventory)
    assert str(overclaims) in str(error.value)
    assert str(overclaims).startswith("overclaims: table: report/index.html, ")
    assert completing.warnings == ["A picture is missing."]


def raw_check(name: str, surface: str) -> dg.AssetChecksDefinition:
    [found] = [
        one
        for one in raw_checks().asset_checks
        if one.check_key == dg.AssetCheckKey(raw_key({"rankings": RANKINGS, "models": MODELS}[surface]), name)
    ]
    return found


def test_changed_byte_in_raw_file_blocks_the_build(data: Path) -> None:
    check = raw_check("intact", "rankings")
    assert [spec.blocking for spec in check.check_specs] == [True]
    assert check().passed
    path = sorted((data / "raw" / "rankings").rglob("*.parquet"))[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    replace_content(path, content)
    result = check()
    assert not result.passed
    assert FILE_CORRUPTIONS[5].message in result.description
    assert path.name in str(result.metadata["sample"])


def test_other_schema_of_raw_file_blocks_the_build(data: Path) -> None:
    check = raw_check("schema", "models")
    assert [spec.blocking for spec in check.check_specs] == [True]
    path = sorted((data / "raw" / "models").rglob("*.parquet"))[0]
    table = pq.read_table(path)
    path.unlink()
    pq.write_table(table.set_column(0, "id", pa.nulls(len(table), pa.int64())), path)
    result = check()
    assert not result.passed
    assert result.metadata[FILE_CORRUPTIONS[6].message].value == 1
    assert path.name in str(result.metadata["sample"])


def test_corruptions_cover_every_mart_and_release_check() -> None:
    assert len(ALL_CORRUPTIONS) >= 30
    assert {table.name for table in TABLES} - {one.where for one in ALL_CORRUPTIONS} == {"scopes"}
    counts = Counter(corruption.check for corruption in ALL_CORRUPTIONS)
    assert max(counts.values()) <= 3
    assert {check.name for check in CHECKS} <= counts.keys()


def test_every_kind_of_blocking_data_test_has_a_corruption() -> None:
    caught_by = {corruption.check for corruption in ALL_CORRUPTIONS}
    for test in (node for node in MANIFEST["nodes"].values() if node["resource_type"] == "test"):
        if test["config"]["severity"].lower() == "error":
            kind = (test.get("test_metadata") or {}).get("name", test["name"])
            assert any(name.startswith(kind) or name.endswith(f"_{kind}") for name in caught_by), test["name"]


def as_table(corruptions: list[Corruption]) -> str:
    lines = ["| corruption | where | check that catches it |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {one.what} | `{one.where}` | `{one.check}` |" for one in corruptions)])


def test_documented_corruptions_are_the_tested_ones() -> None:
    """`docs/checks.md` has three tables: of figures, of the release and of files."""
    graph: Any = definitions().resolve_asset_graph()  # Dagster does not export its type
    specs = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {corruption.check for corruption in ALL_CORRUPTIONS} <= specs.keys()
    assert all(specs[corruption.check].blocking for corruption in ALL_CORRUPTIONS)
    groups = (FIGURE_CORRUPTIONS, RELEASE_CORRUPTIONS, FILE_CORRUPTIONS)
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(TABLE.findall(text)) == len(groups)
    tables = map(as_table, groups)
    assert_document(DOCUMENT, TABLE.sub(lambda _: next(tables), text))
