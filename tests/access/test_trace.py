"""From any published figure to the raw file that gave it, and to the recording that the file was made from."""

import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from conftest import Run

from orchestration.access.trace import File, files_of
from orchestration.publish.datapackage import PACKAGE

ROWS_OF_EACH = 12


def read(data: Path, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(data / "published" / "routerscope.duckdb"), read_only=True) as connection:
        return connection.sql(sql).to_arrow_table().to_pylist()


def trace(data: Path, table: str, row: dict[str, Any]) -> list[File]:
    tables = {one["name"]: one for one in json.loads((data / "published" / PACKAGE).read_text())["resources"]}
    with duckdb.connect(str(data / "published" / "routerscope.duckdb"), read_only=True) as connection:
        return files_of(connection, table, row, tables[table]["surfaces"], data / "raw")


def bodies(recordings: Path) -> dict[str, Path]:
    """Recordings by the hash of what they hold, as the lake knows them."""
    found = {}
    for path in recordings.rglob("*.json.gz"):
        packed = path.read_bytes()
        for payload in (packed, gzip.decompress(packed)):
            found[hashlib.sha256(payload).hexdigest()] = path
    return found


def body(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.fixture(scope="module")
def recorded(recordings: Path) -> dict[str, Path]:
    return bodies(recordings)


@pytest.mark.parametrize("seed", range(5))
def test_random_usage_ends_at_the_recording_that_holds_it(
    everything: Run, recorded: dict[str, Path], seed: int
) -> None:
    rows = read(everything.data, "from share_model where period = 'day' order by all")
    row = Random(seed).choice(rows)
    [file] = trace(everything.data, "share_model", row)
    told = body(recorded[file.payload_sha256])
    [figure] = [
        one["total_tokens"]
        for one in told["data"]
        if (one["date"], one["model_permaslug"]) == (str(row["period_start"]), row["model_permaslug"])
    ]
    assert int(figure) == row["tokens"]
    assert file.state == "intact"
    assert told["meta"]["start_date"] in file.request_url


@pytest.mark.parametrize("seed", range(5))
def test_random_prices_end_at_the_recording_that_holds_them(
    everything: Run, recorded: dict[str, Path], seed: int
) -> None:
    rows = read(everything.data, "from price_history where prompt_usd_per_mtok > 0 order by all")
    row = Random(seed).choice(rows)
    files = trace(everything.data, "price_history", row)
    [newest] = [file for file in files if file.as_of == row["as_of"]]
    [model] = [one for one in body(recorded[newest.payload_sha256])["data"] if one["id"] == row["model_id"]]
    assert float(model["pricing"]["prompt"]) * 1e6 == pytest.approx(row["prompt_usd_per_mtok"], rel=1e-12)
    assert row["valid_from"] in {file.as_of for file in files}
    assert {file.state for file in files} == {"intact"}


@pytest.mark.parametrize("source", ["everything", "simulated"])
def test_every_table_leads_to_the_newest_and_the_oldest_response_of_its_rows(
    source: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(source).data
    told = json.loads((data / "published" / PACKAGE).read_text())["resources"]
    tables = [one["name"] for one in told if one.get("type") != "file"]
    for table in tables:
        if table in ("duckdb", "scopes"):
            continue
        for row in read(data, f"from {table} using sample {ROWS_OF_EACH} rows (reservoir, 7)"):
            files = trace(data, table, row)
            assert (row["as_of"], row["checked_at"]) in {(file.as_of, file.fetched_at) for file in files}, (table, row)
            assert row["oldest_as_of"] in {file.as_of for file in files}, (table, row)
            assert {file.state for file in files} == {"intact"}
            assert all(re.fullmatch(r"[0-9a-f]{64}", file.payload_sha256) for file in files)


def test_one_changed_byte_and_a_missing_file_are_told(few_run: Run, tmp_path: Path) -> None:
    data = Path(shutil.copytree(few_run.data, tmp_path / "data", symlinks=True))
    [row] = read(data, "from share_author where period = 'day' order by period_start desc, rank limit 1")
    [file] = trace(data, "share_author", row)
    path = data / "raw" / file.raw_file
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert [one.state for one in trace(data, "share_author", row)] == ["changed"]
    path.unlink()
    assert [one.state for one in trace(data, "share_author", row)] == ["missing"]
