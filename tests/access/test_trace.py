"""Any published row is traced to the raw files that supplied it, and these to the recordings they were made from."""

import csv
import gzip
import hashlib
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Run, copy_data_folder, replace_content

from orchestration.access import trace as trace_module
from orchestration.access.release import PublishedRelease, open_release
from orchestration.access.trace import RawFile, Row, audit_lake, files_of, find_row
from orchestration.errors import QueryError
from orchestration.folders import PROJECT_DIR
from orchestration.storage.sql import rows_as_dicts

ROWS_PER_TABLE = 12


def read(release: PublishedRelease, sql: str) -> list[Row]:
    return rows_as_dicts(release.connection.execute(sql))


def trace(release: PublishedRelease, table: str, row: Row) -> list[RawFile]:
    return files_of(release.connection, table, row, release.tables[table]["surfaces"], release.data / "raw")


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
    with open_release(everything.data) as release:
        row = Random(seed).choice(read(release, "from share_model where period = 'day' order by all"))
        [file] = trace(release, "share_model", row)
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
    with open_release(everything.data) as release:
        row = Random(seed).choice(read(release, "from price_history where prompt_usd_per_mtok > 0 order by all"))
        files = trace(release, "price_history", row)
    [newest] = [file for file in files if file.as_of == row["as_of"]]
    [model] = [one for one in body(recorded[newest.payload_sha256])["data"] if one["id"] == row["model_id"]]
    assert float(model["pricing"]["prompt"]) * 1e6 == pytest.approx(row["prompt_usd_per_mtok"], rel=1e-12)
    assert row["valid_from"] in {file.as_of for file in files}
    assert {file.state for file in files} == {"intact"}


@pytest.mark.parametrize("source", ["everything", "simulated"])
def test_files_include_newest_and_oldest_response(source: str, request: pytest.FixtureRequest) -> None:
    with open_release(request.getfixturevalue(source).data) as release:
        for table in sorted(release.tables.keys() - {"scopes"}):
            for row in read(release, f"from {table} using sample {ROWS_PER_TABLE} rows (reservoir, 7)"):
                files = trace(release, table, row)
                times = {(file.as_of, file.fetched_at) for file in files}
                assert (row["as_of"], row["checked_at"]) in times, (table, row)
                assert row["oldest_as_of"] in {file.as_of for file in files}, (table, row)
                assert {file.state for file in files} == {"intact"}
                assert all(re.fullmatch(r"[0-9a-f]{64}", file.payload_sha256) for file in files)


def test_changed_and_missing_files_are_detected(few_run: Run, tmp_path: Path) -> None:
    data = copy_data_folder(few_run.data, tmp_path / "data")
    with open_release(data) as release:
        [row] = read(release, "from share_author where period = 'day' order by period_start desc, rank limit 1")
        [file] = trace(release, "share_author", row)
        path = data / "raw" / file.raw_file
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        replace_content(path, content)
        assert [one.state for one in trace(release, "share_author", row)] == ["changed"]
        path.unlink()
        assert [one.state for one in trace(release, "share_author", row)] == ["missing"]
        audit = audit_lake(release.connection, data / "raw")
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
    with open_release(few_run.data) as release, pytest.raises(QueryError, match=message):
        find_row(release.connection, "share_author", AUTHOR_KEY, key)


def test_key_is_positional_or_named(few_run: Run) -> None:
    with open_release(few_run.data) as release:
        positional, named = (
            find_row(release.connection, "share_author", AUTHOR_KEY, key)
            for key in (["day", "2026-06-20", "anthropic"], ["author=anthropic", "day", "2026-06-20"])
        )
    assert positional == named
