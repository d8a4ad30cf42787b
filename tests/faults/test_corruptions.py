"""Whatever is done to what was built, a check says what is wrong, and what was published stays as it was."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import FEW, PROJECT, SMALL_WORLD, Run, copy_recordings
from corruptions import EVERY_HARM, OF_FIGURES, OF_FILES, OF_THE_WHOLE, Harm
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from test_documents import assert_document

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
from orchestration.storage.warehouse import Table, Warehouse
from orchestration.transform.manifest import MANIFEST
from orchestration.transform.results import WARN_ONLY, BuildResults, target_folder

CHECKS = PROJECT / "docs" / "checks.md"
TABLES = published_tables(MANIFEST)
FOLDERS = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]


@pytest.fixture(autouse=True)
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words are harmed in test_report; here it would only take its time."""
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
    """A data folder of one's own, in the state that a run over that source left it in."""

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
def untouched(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """What was published when the test called it is published after the test, byte for byte."""
    before: dict[str, str] = {}

    def state() -> dict[str, str]:
        folder = (tmp_path / "data" / "published").resolve()
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    yield lambda: before.update(state())
    assert len(before) > 30
    assert state() == before


def do(harm: Harm, data: Path) -> None:
    with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
        connection.execute("set schema = 'marts'")
        rows = [connection.execute(sql).fetchall() for sql in harm.sql.split("; ")]
    assert all(found != [(0,)] for found in rows), "the harm has harmed nothing"


def check_figures(dbt: dbtRunner, data: Path, selection: str) -> set[str]:
    """dbt's own data tests of what was harmed; the names of those that fail."""
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


@pytest.mark.parametrize("harm", OF_FIGURES, ids=lambda harm: harm.what)
def test_a_harmed_figure_is_named_and_not_published(
    harm: Harm, dbt: dbtRunner, built: Built, untouched: Callable[[], None]
) -> None:
    data = built(harm.source if harm.source == "simulator" else "everything")
    untouched()
    warehouse = Warehouse(data)
    warehouse.start()
    do(harm, data)

    failed = check_figures(dbt, data, harm.where.removeprefix("seeds."))

    assert harm.check in failed
    with pytest.raises(RejectedError) as error:
        raise reject_build(warehouse, BuildResults(target_folder(data), warehouse.path).describe_failures())
    [line] = [line for line in str(error.value).splitlines() if line.startswith(f"  {harm.check}: ")]
    assert re.search(harm.words, line), line
    assert "The published release is unchanged" in str(error.value)
    assert (data / "rejected" / "warehouse.duckdb").exists()
    assert harm.check in (data / "rejected" / "why.txt").read_text()
    with pytest.raises(WarehouseError, match="has not passed its checks"):
        warehouse.publish(TABLES)


@pytest.mark.parametrize("harm", OF_THE_WHOLE, ids=lambda harm: harm.what)
def test_a_harm_to_the_whole_is_named_and_not_published(
    harm: Harm, built: Built, untouched: Callable[[], None]
) -> None:
    data = built(harm.source)
    untouched()
    do(harm, data)
    assert re.search(harm.words, refused(data, harm.check))


def refused(data: Path, check: str, tables: list[Table] | None = None) -> str:
    """What is said of that check, when the warehouse is published as it is; the sample is there too."""
    warehouse, completing = Warehouse(data), prepare_completion(Settings.load(), tables)
    warehouse.approve()
    with pytest.raises(RejectedError) as error:
        warehouse.publish(completing.tables, completing)
    [broken] = [one for one in completing.results if one.check.name == check]
    assert not broken.passed
    assert broken.sample[0]["table"]
    assert str(broken) in str(error.value)
    return str(broken)


def test_a_new_mart_without_provenance_columns_is_refused_by_itself(
    built: Built, untouched: Callable[[], None]
) -> None:
    data = built("replay")
    untouched()
    with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
        connection.execute("create table marts.a_new_mart as select 1 as id")
    new = Table("a_new_mart", "marts", "A new mart.", {"id": "A number."}, ("id",))
    assert re.search(OF_FILES[0].words, refused(data, "provenance", [*TABLES, new]))


@pytest.mark.parametrize(
    ("number", "column", "description"),
    [(1, "tokens", "Tokens observed."), (2, "share", "The author's market share.")],
)
def test_a_description_that_says_too_little_or_too_much_is_refused(
    number: int, column: str, description: str, built: Built, untouched: Callable[[], None]
) -> None:
    data = built("replay")
    untouched()
    harm = OF_FILES[number]
    tables = [
        Table(**{**vars(one), "columns": {**one.columns, column: description}}) if one.name == harm.where else one
        for one in TABLES
    ]
    assert re.search(harm.words, refused(data, harm.check, tables))


@pytest.mark.parametrize("harm", OF_FILES[3:5], ids=lambda harm: harm.what)
def test_files_that_are_not_what_was_described_are_refused(
    harm: Harm, built: Built, untouched: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = built("replay")
    untouched()
    describe = completion.write_package

    def describe_and_harm(folder: Path, *arguments: object) -> None:
        describe(folder, *arguments)
        with (folder / harm.where).open("ab") as file:
            file.write(b"!")

    monkeypatch.setattr(completion, "write_package", describe_and_harm)
    assert re.search(harm.words, refused(data, harm.check))


def raw_check(name: str, surface: str) -> dg.AssetChecksDefinition:
    [found] = [
        one
        for one in raw_checks().asset_checks
        if one.check_key == dg.AssetCheckKey(raw_key({"rankings": RANKINGS, "models": MODELS}[surface]), name)
    ]
    return found


def test_one_byte_of_a_raw_file_blocks(built: Built, untouched: Callable[[], None]) -> None:
    data = built("replay")
    untouched()
    check = raw_check("intact", "rankings")
    assert [spec.blocking for spec in check.check_specs] == [True]
    assert check().passed
    path = sorted((data / "raw" / "rankings").rglob("*.parquet"))[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = check()
    assert not result.passed
    assert OF_FILES[5].words in result.description
    assert path.name in str(result.metadata["sample"])


def test_another_schema_of_a_raw_file_blocks(built: Built, untouched: Callable[[], None]) -> None:
    data = built("replay")
    untouched()
    check = raw_check("schema", "models")
    assert [spec.blocking for spec in check.check_specs] == [True]
    path = sorted((data / "raw" / "models").rglob("*.parquet"))[0]
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "id", pa.nulls(len(table), pa.int64())), path)
    result = check()
    assert not result.passed
    assert result.metadata[OF_FILES[6].words].value == 1
    assert path.name in str(result.metadata["sample"])


def test_a_lost_raw_file_is_named_and_nothing_published(built: Built, untouched: Callable[[], None]) -> None:
    data = built("replay")
    untouched()
    lost = sorted((data / "raw" / "rankings").rglob("*.parquet"))[1]
    lost.unlink()
    said = refused(data, "inventory")
    assert OF_FILES[7].words in said
    assert lost.name in said


def test_every_mart_is_harmed_and_no_check_has_more_than_three() -> None:
    assert len(EVERY_HARM) >= 30
    assert {table.name for table in TABLES} - {harm.where for harm in EVERY_HARM} == {"scopes"}
    counts = Counter(harm.check for harm in EVERY_HARM)
    assert max(counts.values()) <= 3
    assert {check.name for check in audit.CHECKS} <= counts.keys()


def test_every_kind_of_blocking_check_is_seen_to_fail(manifest: dict) -> None:
    harmed = {harm.check for harm in EVERY_HARM}
    for test in (node for node in manifest["nodes"].values() if node["resource_type"] == "test"):
        if test["config"]["severity"].lower() == "error":
            kind = (test.get("test_metadata") or {}).get("name", test["name"])
            assert any(name.startswith(kind) or name.endswith(f"_{kind}") for name in harmed), test["name"]


def table(harms: list[Harm]) -> str:
    lines = ["| what goes wrong | where | the check that catches it |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {harm.what} | `{harm.where}` | `{harm.check}` |" for harm in harms)])


def test_the_list_of_harms_is_in_the_documents(graph: Any) -> None:
    found = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {harm.check for harm in EVERY_HARM} <= found.keys()
    assert all(found[harm.check].blocking for harm in EVERY_HARM)
    text = CHECKS.read_text()
    for harms in (OF_FIGURES, OF_THE_WHOLE, OF_FILES):
        text = re.sub(rf"{re.escape(table(harms[:1]))}(\n\|.*)*", lambda _, harms=harms: table(harms), text)
    assert_document(CHECKS, text)
