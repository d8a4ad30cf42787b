"""Responses that cannot be read or written are named; the others are kept, and the published release stays."""

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from conftest import PROJECT, REFRESH, Run, copy_recordings, replay, replay_environment

from orchestration.storage.lake import METADATA_KEY

LATER = "rankings-daily/20260627T000018Z.json.gz"
WHOLE = "rankings-daily/20260628T000516Z.json.gz"


def corrupt_json(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """A corruption of a recording that changes its JSON."""

    def corrupt(packed: bytes) -> bytes:
        body = json.loads(gzip.decompress(packed))
        change(body)
        return gzip.compress(json.dumps(body).encode())

    return corrupt


# Part of the message, and the corruption of a recording.
CORRUPTIONS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("cannot be decompressed", lambda packed: packed[: len(packed) // 2]),
    ("cannot be decompressed", lambda _: b"<html>busy</html>"),
    ("it is not JSON", lambda _: gzip.compress(b"<html>busy</html>")),
    ("`data` is an object", corrupt_json(lambda body: body.update(data={"rows": []}))),
    ("`total_tokens` is '-1'", corrupt_json(lambda body: body["data"][7].update(total_tokens="-1"))),
    ("appears twice", corrupt_json(lambda body: body["data"].append(body["data"][0]))),
]


def raw_files(data: Path) -> dict[str, int]:
    """Modification times of the lake's files by path."""
    return {str(path.relative_to(data)): path.stat().st_mtime_ns for path in (data / "raw").rglob("*.parquet")}


NEWER_MODELS = "models/20260626T010547Z.json.gz"
ENDPOINTS = ("endpoints/20260622T081330Z.json.gz", "endpoints/20260623T091542Z.json.gz")


def check_run_with_drifted_fields(data: Path, few: Path, recordings: Path, home: Path) -> None:
    """A new field is kept and warned about, a removed one is null, and one model's endpoints cannot be parsed."""
    release = (data / "published").resolve()
    copy_recordings(recordings, few, (NEWER_MODELS, *ENDPOINTS))

    def drift(body: dict[str, Any]) -> None:
        for row in body["data"]:
            row["energy_label"] = "A"
            row.pop("context_length")

    (few / NEWER_MODELS).write_bytes(corrupt_json(drift)((few / NEWER_MODELS).read_bytes()))
    other_type = corrupt_json(lambda body: next(iter(body.values()))["data"]["endpoints"][0].update(status="up"))
    (few / ENDPOINTS[1]).write_bytes(other_type((few / ENDPOINTS[1]).read_bytes()))

    run = replay(data, few, home, now="2026-06-28")

    assert run.code == 0, run.output
    assert (data / "published").resolve() != release
    assert "warning: check new_fields of raw/models" in run.output
    assert run.query("select count(*), count(context_length) from price_current")[0][1] == 0
    with duckdb.connect() as raw:
        files = str(data / "raw/models/observed_date=2026-06-26/*.parquet")
        labels = raw.execute("select distinct extra ->> 'energy_label' from read_parquet($files)", {"files": files})
        assert labels.fetchall() == [("A",)]
    [line] = [line for line in run.output.splitlines() if "`status` is 'up'" in line]
    assert str(few / ENDPOINTS[1]) in line
    assert "the responses of all other models are parsed" in line
    assert "warning: check all_due_fetched of raw/endpoints" in run.output
    # The other models' endpoints in the same response are kept; this model's row has status 0.
    assert run.query("select count(distinct raw_file) from provenance where surface = 'endpoints'") == [(2,)]
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as warehouse:
        unparsed = "select count(distinct model_id) from staging.stg_openrouter__endpoints where http_status = 0"
        assert warehouse.sql(unparsed).fetchall() == [(1,)]


def test_corrupt_recordings_are_named_and_others_kept(
    started_from_few: Path, recordings: Path, few: Path, home: Path
) -> None:
    data, before = started_from_few, raw_files(started_from_few)
    release = (data / "published").resolve()
    copy_recordings(recordings, few, (LATER, WHOLE))
    packed = (few / LATER).read_bytes()
    (few / LATER).unlink()
    corrupted = [few / LATER.replace("000018Z", f"00001{number}Z") for number in range(len(CORRUPTIONS))]
    for path, (_, corrupt) in zip(corrupted, CORRUPTIONS, strict=True):
        path.write_bytes(corrupt(packed))

    run = replay(data, few, home)

    assert run.code == 1, run.output
    for path, (words, _) in zip(corrupted, CORRUPTIONS, strict=True):
        [line] = [line for line in run.output.splitlines() if str(path) in line]
        assert words in line
        assert "None of it was written; all other responses are kept." in line
    assert "Traceback" not in run.output
    assert "Nothing was published; the published release is unchanged" in run.output
    assert (data / "published").resolve() == release
    # The intact recording is stored, and nothing of the corrupt ones.
    after = raw_files(data)
    assert before.items() <= after.items()
    assert [Path(name).name[:16] for name in after.keys() - before.keys()] == ["20260628T000516Z"]

    for path in corrupted:
        path.unlink()
    copy_recordings(recordings, few, (LATER,))
    check_run_with_drifted_fields(data, few, recordings, home)


def test_changed_field_type_in_models_fails_the_run(
    started_from_few: Path, recordings: Path, few: Path, home: Path
) -> None:
    before, release = raw_files(started_from_few), (started_from_few / "published").resolve()
    copy_recordings(recordings, few, (NEWER_MODELS, WHOLE))
    drift = corrupt_json(lambda body: body["data"][3].update(context_length="131072 tokens"))
    (few / NEWER_MODELS).write_bytes(drift((few / NEWER_MODELS).read_bytes()))

    run = replay(started_from_few, few, home)

    assert run.code == 1, run.output
    [line] = [line for line in run.output.splitlines() if "cannot be parsed" in line]
    for word in (
        str(few / NEWER_MODELS),
        "(models)",
        "row 3",
        "`context_length` is '131072 tokens'",
        "expected integer",
    ):
        assert word in line
    assert (started_from_few / "published").resolve() == release
    # The responses that could be parsed are stored.
    assert {Path(name).name[:16] for name in raw_files(started_from_few).keys() - before.keys()} == {"20260628T000516Z"}


def test_missing_replay_folder_is_named(started_from_few: Path, home: Path, tmp_path: Path) -> None:
    before, release = raw_files(started_from_few), (started_from_few / "published").resolve()
    run = replay(started_from_few, tmp_path / "nowhere", home)
    assert run.code == 2, run.output
    assert f"ROUTERSCOPE_REPLAY_DIR is '{tmp_path / 'nowhere'}', which is not a folder" in run.output
    assert "Traceback" not in run.output
    assert raw_files(started_from_few) == before
    assert (started_from_few / "published").resolve() == release


def test_nothing_is_published_without_models(few: Path, home: Path, tmp_path: Path) -> None:
    for path in (few / "models").iterdir():
        path.unlink()
    run = replay(tmp_path / "data", few, home)
    assert run.code == 1, run.output
    assert "The source has no response of /models" in run.output
    assert not (tmp_path / "data" / "published").exists()
    assert len(raw_files(tmp_path / "data")) == 3


def test_wrong_setting_exits_before_anything_starts(few: Path, home: Path, tmp_path: Path) -> None:
    run = replay(tmp_path / "data", few, home, now="yesterday")
    assert run.code == 2
    assert "ROUTERSCOPE_NOW is 'yesterday', which cannot be used" in run.output
    assert not (tmp_path / "data").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A folder on a disk of a given size; mounting one needs root."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / "small_disk"
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
            missing = "needs permission to mount a small disk"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# Room for none of the new raw files; room for those, but not for a second release.
@pytest.mark.parametrize("spare_kilobytes", [4, 1024])
def test_full_disk_changes_nothing(
    small_disk: Callable[[int], Path], spare_kilobytes: int, few_run: Run, few: Path, recordings: Path, home: Path
) -> None:
    used = subprocess.run(["du", "-sk", few_run.data], check=True, capture_output=True, text=True).stdout.split()[0]
    disk = small_disk(int(used) + spare_kilobytes)
    subprocess.run(["cp", "-a", f"{few_run.data}/.", str(disk)], check=True)
    before, release = raw_files(disk), (disk / "published").resolve()
    marts = Run(disk, 0, "").marts()
    copy_recordings(recordings, few, (LATER, "models/20260626T010547Z.json.gz"))

    run = replay(disk, few, home)

    assert run.code == 1, run.output
    assert "FAILED" in run.output
    assert "Traceback" not in run.output
    reasons = run.output.partition("FAILED")[2]
    assert "No space left on device" in reasons
    assert re.search("unchanged|as it was", reasons)
    assert before.items() <= raw_files(disk).items()
    assert (disk / "published").resolve() == release
    assert Run(disk, 0, "").marts() == marts
    assert not list((disk / "raw").rglob("*.tmp"))


def test_next_run_starts_at_once_after_kills(few: Path, home: Path, tmp_path: Path) -> None:
    """Kill the first run's own process, whose dbt goes on; then the second run with all processes that it started."""
    data = tmp_path / "data"
    for kill in (lambda run: run.kill(), lambda run: os.killpg(run.pid, signal.SIGKILL)):
        killed = subprocess.Popen(
            REFRESH,
            cwd=PROJECT,
            env=replay_environment(data, few, home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert killed.stdout is not None
        output = ""
        for line in killed.stdout:
            output += line
            if "building and checking" in line:
                break
        time.sleep(3)  # into dbt, which has the warehouse open
        kill(killed)
        killed.wait(timeout=10)
        killed.stdout.close()
    assert "was killed and is now marked as failed" in output

    started = time.monotonic()
    run = replay(data, few, home)

    assert run.code == 0, run.output
    assert "is now marked as failed" in run.output
    assert time.monotonic() - started < 120
    assert run.query("select count(*) from share_model") > [(0,)]


def test_failed_check_blocks_the_publish_and_is_named(started_from_few: Path, few: Path, home: Path) -> None:
    """A raw file whose source URL is not a URL: its rows cannot be cited."""
    release = (started_from_few / "published").resolve()
    newest = max((started_from_few / "raw/rankings").rglob("*.parquet"))
    table = pq.read_table(newest, partitioning=None)
    metadata = json.loads(table.schema.metadata[METADATA_KEY]) | {"source_url": "somewhere"}
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})
    pq.write_table(table, newest)
    digits = hashlib.sha256(newest.read_bytes()).hexdigest()[:16]
    newest.rename(newest.with_name(f"{newest.name[:16]}-{digits}.parquet"))

    run = replay(started_from_few, few, home)

    assert run.code == 1, run.output
    reasons = run.output.partition("FAILED. Nothing was published")[2]
    assert "of the models and checks failed" in reasons
    assert "has_provenance" in reasons
    assert (started_from_few / "published").resolve() == release
    rejected = started_from_few / "rejected"
    assert f"The rejected build is kept in {rejected}." in reasons
    assert "has_provenance" in (rejected / "why.txt").read_text()
    assert (rejected / "warehouse.duckdb").exists()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        key = dg.AssetCheckKey(dg.AssetKey(["marts", "share_model"]), "has_provenance_share_model_")
        [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    evaluation = record.evaluation
    assert not evaluation.passed
    assert "| somewhere |" in evaluation.metadata["sample"].value


def test_changed_raw_file_fails_the_run_and_is_named(started_from_few: Path, few: Path, home: Path) -> None:
    release = (started_from_few / "published").resolve()
    changed = max((started_from_few / "raw/rankings").rglob("*.parquet"))
    content = bytearray(changed.read_bytes())
    content[200] ^= 1
    changed.write_bytes(content)
    run = replay(started_from_few, few, home)
    assert run.code == 1, run.output
    reasons = run.output.partition("FAILED. Nothing was published")[2]
    assert f"raw/rankings: Changed files: 1, such as rankings/{changed.parent.name}/{changed.name}." in reasons
    assert "Restore them from a backup" in reasons
    assert "Not foreseen" not in run.output
    assert (started_from_few / "published").resolve() == release
