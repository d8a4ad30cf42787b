"""Every corruption of a build is named by a check, and the published release stays as it was."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import FEW, PROJECT, SMALL_WORLD, Run, copy_recordings
from corruptions import ALL_CORRUPTIONS, FIGURE_CORRUPTIONS, FILE_CORRUPTIONS, RELEASE_CORRUPTIONS, Corruption
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from test_generated_docs import assert_document

from orchestration.definitions import defs
from orchestration.defs.published import prepare_completion
from orchestration.defs.raw import raw_key
from orchestration.defs.raw_checks import raw_checks
from orchestration.defs.resources import reject_build
from orchestration.errors import RejectedError, WarehouseError
from orchestration.openrouter.surfaces import MODELS, RANKINGS
from orchestration.publish import audit, completion
from orchestration.publish.catalog import published_tables
from orchestration.settings import Settings
from orchestration.storage.releases import Releases, Table
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST
from orchestration.transform.results import WARN_ONLY, BuildResults, target_folder

CHECKS = PROJECT / "docs" / "checks.md"
TABLES = published_tables(MANIFEST)
TABLE = re.compile(r"^\|.*(?:\n\|.*)*", re.MULTILINE)
FOLDERS = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]


@pytest.fixture(autouse=True)
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report takes a while to draw, and test_report checks that its overclaims are found."""
    monkeypatch.setattr(completion, "write_report", lambda *_: [])


@pytest.fixture(scope="module")
def dbt() -> dbtRunner:
    manifest = dbtRunner().invoke(["--quiet", "parse", *WARN_ONLY, *FOLDERS]).result
    return dbtRunner(manifest=manifest)


@pytest.fixture(scope="module")
def graph() -> Any:  # Dagster's own, which it does not export
    return defs().resolve_asset_graph()


Built = Callable[[str], Path]


@pytest.fixture
def built(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    """Copies the data folder of a finished run over a source and returns the copy, which the test may change."""

    def copy(source: str) -> Path:
        run: Run = request.getfixturevalue({"simulator": "simulated", "replay": "few_run"}.get(source, source))
        data = Path(shutil.copytree(run.data, tmp_path / "data", symlinks=True))
        monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(data))
        monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator" if source == "simulator" else "replay")
        if source == "simulator":
            monkeypatch.setenv("ROUTERSCOPE_SIMULATOR", SMALL_WORLD)
        else:
            recordings = request.getfixturevalue("recordings")
            monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(copy_recordings(recordings, tmp_path / "recordings", FEW)))
        return data

    return copy


@pytest.fixture
def unchanged(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Asserts after the test that the release is the one published when the test called it, byte for byte."""
    before: dict[str, str] = {}

    def state() -> dict[str, str]:
        folder = (tmp_path / "data" / "published").resolve()
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    yield lambda: before.update(state())
    assert len(before) > 30
    assert state() == before


def corrupt(data: Path, corruption: Corruption) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
        connection.execute("set schema = 'marts'")
        rows = [connection.execute(sql).fetchall() for sql in corruption.sql.split("; ")]
    assert all(changed != [(0,)] for changed in rows), "the corruption changes no row"


def failing_data_tests(dbt: dbtRunner, data: Path, selection: str) -> set[str]:
    """The names of the data tests of the selected model or seed that fail."""
    target = target_folder(data)
    result = dbt.invoke(
        [
            "--quiet",
            "test",
            "--exclude-resource-type",
            "unit_test",
            *WARN_ONLY,
            "--select",
            selection,
            *FOLDERS,
            "--target-path",
            str(target),
        ]
    )
    DuckDBConnectionManager.close_all_connections()  # dbt would keep the file open in this process
    assert result.exception is None, result.exception
    assert not [one.node.name for one in result.result if one.status == "error"]
    return {one.node.name for one in result.result if one.status == "warn"}


@pytest.mark.parametrize("corruption", FIGURE_CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_corrupt_figure_is_named_and_not_published(
    corruption: Corruption, dbt: dbtRunner, built: Built, unchanged: Callable[[], None]
) -> None:
    data = built(corruption.source if corruption.source == "simulator" else "everything")
    unchanged()
    warehouse = Warehouse(data)
    warehouse.start()
    corrupt(data, corruption)

    failing = failing_data_tests(dbt, data, corruption.where.removeprefix("seeds."))

    assert corruption.check in failing
    with pytest.raises(RejectedError) as error:
        raise reject_build(warehouse, BuildResults(target_folder(data), warehouse.path).describe_failures())
    [line] = [line for line in str(error.value).splitlines() if line.startswith(f"  {corruption.check}: ")]
    assert re.search(corruption.message, line), line
    assert "The published release is unchanged" in str(error.value)
    assert (data / "rejected" / "warehouse.duckdb").exists()
    assert corruption.check in (data / "rejected" / "why.txt").read_text()
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        Releases(data).publish(warehouse, TABLES)


@pytest.mark.parametrize("corruption", RELEASE_CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_corrupt_release_is_named_and_not_published(
    corruption: Corruption, built: Built, unchanged: Callable[[], None]
) -> None:
    data = built(corruption.source)
    unchanged()
    corrupt(data, corruption)
    assert re.search(corruption.message, rejection(data, corruption.check))


def rejection(data: Path, check: str, tables: list[Table] | None = None) -> str:
    """Publishes the warehouse as it is, asserts that this check rejects it, and returns the message of the check."""
    warehouse, completing = Warehouse(data), prepare_completion(Settings.load(), tables)
    warehouse.approve()
    with pytest.raises(RejectedError) as error:
        Releases(data).publish(warehouse, completing.tables, completing)
    [failed] = [result for result in completing.results if result.check.name == check]
    assert not failed.passed
    assert failed.sample[0]["table"]
    assert str(failed) in str(error.value)
    return str(failed)


def test_new_mart_without_provenance_is_rejected(built: Built, unchanged: Callable[[], None]) -> None:
    data = built("replay")
    unchanged()
    with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
        connection.execute("create table marts.a_new_mart as select 1 as id")
    new = Table("a_new_mart", "marts", "A new mart.", {"id": "A number."}, ("id",))
    assert re.search(FILE_CORRUPTIONS[0].message, rejection(data, "provenance", [*TABLES, new]))


@pytest.mark.parametrize(
    ("number", "column", "description"),
    [(1, "tokens", "Tokens observed."), (2, "share", "The author's market share.")],
)
def test_description_with_overclaim_or_without_note_is_rejected(
    number: int, column: str, description: str, built: Built, unchanged: Callable[[], None]
) -> None:
    data = built("replay")
    unchanged()
    corruption = FILE_CORRUPTIONS[number]
    tables = [
        replace(table, columns={**table.columns, column: description}) if table.name == corruption.where else table
        for table in TABLES
    ]
    assert re.search(corruption.message, rejection(data, corruption.check, tables))


@pytest.mark.parametrize("corruption", FILE_CORRUPTIONS[3:5], ids=lambda corruption: corruption.what)
def test_file_unlike_its_description_is_rejected(
    corruption: Corruption, built: Built, unchanged: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = built("replay")
    unchanged()
    describe = completion.write_package

    def describe_and_corrupt(folder: Path, *arguments: object) -> None:
        describe(folder, *arguments)
        with (folder / corruption.where).open("ab") as file:
            file.write(b"!")

    monkeypatch.setattr(completion, "write_package", describe_and_corrupt)
    assert re.search(corruption.message, rejection(data, corruption.check))


def raw_check(name: str, surface: str) -> dg.AssetChecksDefinition:
    [found] = [
        one
        for one in raw_checks().asset_checks
        if one.check_key == dg.AssetCheckKey(raw_key({"rankings": RANKINGS, "models": MODELS}[surface]), name)
    ]
    return found


def test_changed_byte_in_raw_file_blocks_the_build(built: Built, unchanged: Callable[[], None]) -> None:
    data = built("replay")
    unchanged()
    check = raw_check("intact", "rankings")
    assert [spec.blocking for spec in check.check_specs] == [True]
    assert check().passed
    path = sorted((data / "raw" / "rankings").rglob("*.parquet"))[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = check()
    assert not result.passed
    assert FILE_CORRUPTIONS[5].message in result.description
    assert path.name in str(result.metadata["sample"])


def test_other_schema_of_raw_file_blocks_the_build(built: Built, unchanged: Callable[[], None]) -> None:
    data = built("replay")
    unchanged()
    check = raw_check("schema", "models")
    assert [spec.blocking for spec in check.check_specs] == [True]
    path = sorted((data / "raw" / "models").rglob("*.parquet"))[0]
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "id", pa.nulls(len(table), pa.int64())), path)
    result = check()
    assert not result.passed
    assert result.metadata[FILE_CORRUPTIONS[6].message].value == 1
    assert path.name in str(result.metadata["sample"])


def test_lost_raw_file_is_named_and_nothing_published(built: Built, unchanged: Callable[[], None]) -> None:
    data = built("replay")
    unchanged()
    lost = sorted((data / "raw" / "rankings").rglob("*.parquet"))[1]
    lost.unlink()
    message = rejection(data, "inventory")
    assert FILE_CORRUPTIONS[7].message in message
    assert lost.name in message


def test_corruptions_cover_every_mart_and_release_check() -> None:
    assert len(ALL_CORRUPTIONS) >= 30
    assert {table.name for table in TABLES} - {one.where for one in ALL_CORRUPTIONS} == {"scopes"}
    counts = Counter(corruption.check for corruption in ALL_CORRUPTIONS)
    assert max(counts.values()) <= 3
    assert {check.name for check in audit.CHECKS} <= counts.keys()


def test_every_kind_of_blocking_data_test_has_a_corruption(manifest: dict) -> None:
    caught_by = {corruption.check for corruption in ALL_CORRUPTIONS}
    for test in (node for node in manifest["nodes"].values() if node["resource_type"] == "test"):
        if test["config"]["severity"].lower() == "error":
            kind = (test.get("test_metadata") or {}).get("name", test["name"])
            assert any(name.startswith(kind) or name.endswith(f"_{kind}") for name in caught_by), test["name"]


def as_table(corruptions: list[Corruption]) -> str:
    lines = ["| corruption | where | check that catches it |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {one.what} | `{one.where}` | `{one.check}` |" for one in corruptions)])


def test_documented_corruptions_are_the_tested_ones(graph: Any) -> None:
    """`docs/checks.md` has three tables: of figures, of the release and of files."""
    specs = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {corruption.check for corruption in ALL_CORRUPTIONS} <= specs.keys()
    assert all(specs[corruption.check].blocking for corruption in ALL_CORRUPTIONS)
    groups = (FIGURE_CORRUPTIONS, RELEASE_CORRUPTIONS, FILE_CORRUPTIONS)
    text = CHECKS.read_text()
    assert len(TABLE.findall(text)) == len(groups)
    tables = map(as_table, groups)
    assert_document(CHECKS, TABLE.sub(lambda _: next(tables), text))
