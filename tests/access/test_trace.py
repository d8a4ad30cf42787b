"""Any published row is traced to the raw files that supplied it, and these to the recordings they were made from."""

import csv
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

from orchestration.access import trace as trace_module
from orchestration.access.trace import RawFile, audit_lake, files_of, find_row
from orchestration.errors import QueryError
from orchestration.folders import PROJECT_DIR
from orchestration.publish.datapackage import PACKAGE

ROWS_PER_TABLE = 12


def read(data: Path, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(data / "published" / "routerscope.duckdb"), read_only=True) as connection:
        return connection.sql(sql).to_arrow_table().to_pylist()


def trace(data: Path, table: str, row: dict[str, Any]) -> list[RawFile]:
    tables = {one["name"]: one for one in json.loads((data / "published" / PACKAGE).read_text())["resources"]}
    with duckdb.connect(str(data / "published" / "routerscope.duckdb"), read_only=True) as connection:
        return files_of(connection, table, row, tables[table]["surfaces"], data / "raw")


def bodies(recordings: Path) -> dict[str, Path]:
    """Recordings by the hash of their bytes, packed and unpacked: raw files name one of the two."""
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


def test_windows_have_the_lengths_of_the_seed() -> None:
    with (PROJECT_DIR / "seeds" / "horizons.csv").open(encoding="utf-8", newline="") as file:
        lengths = {row["horizon"]: (int(row["window_days"]), int(row["step_days"])) for row in csv.DictReader(file)}
    assert lengths == trace_module._WINDOW_AND_STEP_DAYS


@pytest.mark.parametrize("seed", range(5))
def test_tokens_are_traced_to_their_recording(everything: Run, recorded: dict[str, Path], seed: int) -> None:
    rows = read(everything.data, "from share_model where period = 'day' order by all")
    row = Random(seed).choice(rows)
    [file] = trace(everything.data, "share_model", row)
    response = body(recorded[file.payload_sha256])
    [figure] = [
        one["total_tokens"]
        for one in response["data"]
        if (one["date"], one["model_permaslug"]) == (str(row["period_start"]), row["model_permaslug"])
    ]
    assert int(figure) == row["tokens"]
    assert file.state == "intact"
    assert response["meta"]["start_date"] in file.request_url


@pytest.mark.parametrize("seed", range(5))
def test_prices_are_traced_to_their_recording(everything: Run, recorded: dict[str, Path], seed: int) -> None:
    rows = read(everything.data, "from price_history where prompt_usd_per_mtok > 0 order by all")
    row = Random(seed).choice(rows)
    files = trace(everything.data, "price_history", row)
    [newest] = [file for file in files if file.as_of == row["as_of"]]
    [model] = [one for one in body(recorded[newest.payload_sha256])["data"] if one["id"] == row["model_id"]]
    assert float(model["pricing"]["prompt"]) * 1e6 == pytest.approx(row["prompt_usd_per_mtok"], rel=1e-12)
    assert row["valid_from"] in {file.as_of for file in files}
    assert {file.state for file in files} == {"intact"}


@pytest.mark.parametrize("source", ["everything", "simulated"])
def test_files_include_newest_and_oldest_response(source: str, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue(source).data
    resources = json.loads((data / "published" / PACKAGE).read_text())["resources"]
    tables = [one["name"] for one in resources if one.get("type") != "file"]
    for table in tables:
        if table in ("duckdb", "scopes"):
            continue
        for row in read(data, f"from {table} using sample {ROWS_PER_TABLE} rows (reservoir, 7)"):
            files = trace(data, table, row)
            assert (row["as_of"], row["checked_at"]) in {(file.as_of, file.fetched_at) for file in files}, (table, row)
            assert row["oldest_as_of"] in {file.as_of for file in files}, (table, row)
            assert {file.state for file in files} == {"intact"}
            assert all(re.fullmatch(r"[0-9a-f]{64}", file.payload_sha256) for file in files)


def test_changed_and_missing_files_are_detected(few_run: Run, tmp_path: Path) -> None:
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
    with duckdb.connect(str(data / "published" / "routerscope.duckdb"), read_only=True) as connection:
        audit = audit_lake(connection, data / "raw")
    assert (audit.changed, audit.missing) == ([], [file.raw_file])


AUTHOR_KEY = ["period", "period_start", "author"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ([], "several rows with any key. Give all of period, period_start, author, for example:\n  "),
        (["author=anthropic", "period=day"], "several rows with author = anthropic and period = day"),
        (["day", "2026-06-20", "nobody"], "no row with .*author = nobody. Its key is .*, for example:\n  "),
        (["a", "b", "c", "d"], "'a b c d' has too many values: the key of share_author is period"),
    ],
)
def test_wrong_key_shows_examples(few_run: Run, key: list[str], message: str) -> None:
    with duckdb.connect(str(few_run.published), read_only=True) as connection, pytest.raises(QueryError, match=message):
        find_row(connection, "share_author", AUTHOR_KEY, key)


def test_key_is_positional_or_named(few_run: Run) -> None:
    with duckdb.connect(str(few_run.published), read_only=True) as connection:
        row = find_row(connection, "share_author", AUTHOR_KEY, ["day", "2026-06-20", "anthropic"])
        assert row == find_row(connection, "share_author", AUTHOR_KEY, ["author=anthropic", "day", "2026-06-20"])
