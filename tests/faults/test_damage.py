"""Responses that cannot be read or written are named; the others are kept, and the published release stays."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
from code_location import definitions
from conftest import Run, copy_recordings, replace_content, replay
from in_memory import Compiled
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.defs.raw import raw_key
from orchestration.defs.resources import group_name
from orchestration.errors import LakeError, ResponseError, WarehouseError
from orchestration.ingest.load import LoadResult, load_surface
from orchestration.ingest.readiness import check_readiness
from orchestration.ingest.sources import Replay
from orchestration.openrouter.recordings import Recordings
from orchestration.openrouter.surfaces import ENDPOINTS, MODELS, RANKINGS, Surface
from orchestration.publish.catalog import published_tables
from orchestration.storage.lake import METADATA_KEY, Lake
from orchestration.storage.releases import Releases
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST


def corrupt_json(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """A corruption of a recording that changes its JSON."""

    def corrupt(packed: bytes) -> bytes:
        body = json.loads(gzip.decompress(packed))
        change(body)
        return gzip.compress(json.dumps(body).encode())

    return corrupt


# The surface, part of the message, and the corruption of a recording.
CORRUPTIONS: dict[str, tuple[Surface, str, Callable[[bytes], bytes]]] = {
    "truncated": (RANKINGS, "cannot be decompressed", lambda packed: packed[: len(packed) // 2]),
    "not gzip": (RANKINGS, "cannot be decompressed", lambda _: b"<html>busy</html>"),
    "not JSON": (RANKINGS, "it is not JSON", lambda _: gzip.compress(b"<html>busy</html>")),
    "no list": (RANKINGS, "`data` is an object", corrupt_json(lambda body: body.update(data={"rows": []}))),
    "negative": (
        RANKINGS,
        "`total_tokens` is '-1'",
        corrupt_json(lambda body: body["data"][7].update(total_tokens="-1")),
    ),
    "repeated": (RANKINGS, "appears twice", corrupt_json(lambda body: body["data"].append(body["data"][0]))),
    "other type": (
        MODELS,
        "(models): row 3 of `data`: `context_length` is '131072 tokens'; expected integer",
        corrupt_json(lambda body: body["data"][3].update(context_length="131072 tokens")),
    ),
}
LATER = {RANKINGS: "rankings-daily/20260627T000018Z.json.gz", MODELS: "models/20260626T010547Z.json.gz"}
WHOLE = "rankings-daily/20260628T000516Z.json.gz"
TWO_ENDPOINTS = ("endpoints/20260622T081330Z.json.gz", "endpoints/20260623T091542Z.json.gz")


def corrupt(few: Path, recordings: Path, how: str) -> Path:
    """A corrupt recording among the few, and one after it that is whole."""
    surface, _, change = CORRUPTIONS[how]
    copy_recordings(recordings, few, (LATER[surface], WHOLE))
    path = few / LATER[surface]
    path.write_bytes(change(path.read_bytes()))
    return path


def drift_fields(few: Path, all_recordings: Path) -> None:
    """Recordings with a new field, without another field, and with endpoints of one model that cannot be parsed."""

    def drift(body: dict[str, Any]) -> None:
        for row in body["data"]:
            row["energy_label"] = "A"
            row.pop("context_length")

    other_type = corrupt_json(lambda body: next(iter(body.values()))["data"]["endpoints"][0].update(status="up"))
    copy_recordings(all_recordings, few, (LATER[MODELS], *TWO_ENDPOINTS))
    for name, change in ((LATER[MODELS], corrupt_json(drift)), (TWO_ENDPOINTS[1], other_type)):
        (few / name).write_bytes(change((few / name).read_bytes()))


def change_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    replace_content(path, content)


def raw_files(data: Path) -> dict[str, int]:
    """Modification times of the lake's files by path."""
    return {str(path.relative_to(data)): path.stat().st_mtime_ns for path in (data / "raw").rglob("*.parquet")}


def times(files: Iterable[Path]) -> set[str]:
    """The times in the names of raw files or recordings."""
    return {path.name[:16] for path in files}


@contextmanager
def unchanged(data: Path) -> Iterator[None]:
    """Asserts that the raw files, which may become more, and the published release are the same afterwards."""
    before, release, marts = raw_files(data), (data / "published").resolve(), Run(data, 0, "").marts()
    yield
    assert before.items() <= raw_files(data).items()
    assert (data / "published").resolve() == release
    assert Run(data, 0, "").marts() == marts
    assert not list(data.rglob("*.tmp")) + list(data.rglob("*.building"))


def load(surface: Surface, recordings: Path, lake: Lake) -> LoadResult:
    return load_surface(surface, Replay(Recordings(recordings, now=None)), lake)


@pytest.fixture
def data(started_from_few: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the few recordings, which the settings name."""
    settings = {"SOURCE": "replay", "DATA_DIR": started_from_few, "REPLAY_DIR": few, "NOW": "2026-06-28"}
    for name, value in settings.items():
        monkeypatch.setenv(f"ROUTERSCOPE_{name}", str(value))
    return started_from_few


def refresh(selection: dg.AssetSelection | None = None) -> dg.ExecuteInProcessResult:
    """The job `refresh` in this process, or these assets of it and their checks only."""
    job = definitions().resolve_job_def("refresh")
    selected = selection and list(selection.resolve(definitions().resolve_asset_graph()))
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=selected)


@pytest.mark.parametrize("how", CORRUPTIONS)
def test_corrupt_recording_is_named_and_others_kept(how: str, recordings: Path, few: Path, tmp_path: Path) -> None:
    surface, words, _ = CORRUPTIONS[how]
    path, lake = corrupt(few, recordings, how), Lake(tmp_path / "raw")
    [problem] = load(surface, few, lake).fatal_problems
    for part in (str(path), words, "None of it was written; all other responses are kept."):
        assert part in problem
    path.unlink()
    assert times(lake.files(surface.name)) == times((few / surface.recordings).iterdir())


def test_nothing_is_built_without_models(few: Path, tmp_path: Path) -> None:
    for path in (few / "models").iterdir():
        path.unlink()
    lake, source = Lake(tmp_path / "raw"), Replay(Recordings(few, now=None))
    assert load(RANKINGS, few, lake).responses_added == 3
    with pytest.raises(ResponseError, match="The source has no response of /models"):
        check_readiness(MODELS, source, lake, load(MODELS, few, lake), includes_rankings=True)


def test_drifted_fields_warn_and_the_rest_is_built(data: Path, few: Path, all_recordings: Path, few_run: Run) -> None:
    """A new field is kept and warned about, a removed one is null, and one model's endpoints cannot be parsed."""
    drift_fields(few, all_recordings)
    result = refresh(dg.AssetSelection.assets(raw_key(MODELS), raw_key(ENDPOINTS)))
    assert result.success
    failed = {
        (one.asset_key.path[-1], one.check_name): one for one in result.get_asset_check_evaluations() if not one.passed
    }
    assert failed.keys() == {("models", "new_fields"), ("endpoints", "all_due_fetched")}
    assert {one.severity for one in failed.values()} == {dg.AssetCheckSeverity.WARN}
    assert failed["models", "new_fields"].metadata["new_fields"].value == ["energy_label"]
    problem = str(failed["endpoints", "all_due_fetched"].metadata["problems"].value)
    for part in (str(few / TWO_ENDPOINTS[1]), "`status` is 'up'", "the responses of all other models are parsed"):
        assert part in problem
    with Compiled(few_run.data).build_from(data / "raw") as built:
        assert (built.broken_laws(), built.broken_contracts()) == ({}, {})
        newest = f"read_parquet('{data}/raw/models/observed_date=2026-06-26/*.parquet')"
        assert built.query(f"select distinct extra ->> 'energy_label' from {newest}") == [("A",)]
        assert built.query("select count(*) > 0, count(context_length) from marts.price_current") == [(True, 0)]
        # The other models' endpoints in the same response are kept; this model's row has status 0.
        files = "select count(distinct raw_file) from marts.provenance where surface = 'endpoints'"
        assert built.query(files) == [(2,)]
        unparsed = "select count(distinct model_id) from staging.stg_openrouter__endpoints where http_status = 0"
        assert built.query(unparsed) == [(1,)]


def test_changed_raw_file_blocks_the_build(data: Path) -> None:
    change_byte(max((data / "raw/rankings").rglob("*.parquet")))
    result = refresh()
    assert not result.success
    assert [event.step_key for event in result.all_events if event.is_step_failure] == ["raw__rankings_intact"]
    assert not result.events_for_node("dbt") + result.events_for_node("publish")


def test_failed_run_gives_every_reason_and_changes_nothing(
    started_from_few: Path, all_recordings: Path, few: Path, home: Path
) -> None:
    """A corrupt recording of the rankings and a changed raw file of the models; drifted fields only warn."""
    data, lake = started_from_few, Lake(started_from_few / "raw")
    path = corrupt(few, all_recordings, "negative")
    drift_fields(few, all_recordings)
    changed = max((data / "raw/models").rglob("*.parquet"))
    change_byte(changed)
    before = set(lake.files("*"))

    with unchanged(data):
        run = replay(data, few, home)

    assert run.code == 1, run.output
    progress, _, reasons = run.output.partition("FAILED. Nothing was published; the published release is unchanged.")
    for warned in ("new_fields of raw/models", "all_due_fetched of raw/endpoints"):
        assert f"warning: check {warned}" in progress
    assert any(str(few / TWO_ENDPOINTS[1]) in line and "`status` is 'up'" in line for line in progress.splitlines())
    assert any(str(path) in line and "`total_tokens` is '-1'" in line for line in reasons.splitlines())
    assert f"raw/models: Changed files: 1, such as models/{changed.parent.name}/{changed.name}." in reasons
    assert "Restore them from a backup" in reasons
    assert "Traceback" not in run.output
    assert "Unexpected error" not in run.output
    # The responses that could be parsed are stored.
    added = {"20260628T000516Z", "20260626T010547Z", "20260622T081330Z", "20260623T091542Z"}
    assert times(set(lake.files("*")) - before) == added


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NOW", "yesterday", "ROUTERSCOPE_NOW is 'yesterday', which cannot be used"),
        ("REPLAY_DIR", "/nowhere", "ROUTERSCOPE_REPLAY_DIR is '/nowhere', which is not a folder"),
    ],
)
@pytest.mark.usefixtures("data")
def test_wrong_setting_exits_before_anything_starts(
    name: str,
    value: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "new"))
    monkeypatch.setenv(f"ROUTERSCOPE_{name}", value)
    assert CliRunner().invoke(app, ["run"]).exit_code == 2
    assert words in capfd.readouterr().out
    assert not (tmp_path / "new").exists()


@pytest.fixture
def small_disk(few_run: Run, tmp_path: Path) -> Iterator[Path]:
    """A copy of the data folder of a run on a disk of 128 MB; mounting one needs root."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=128m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        missing = "needs permission to mount a small disk"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    shutil.copytree(few_run.data, folder, symlinks=True, dirs_exist_ok=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, free_kilobytes: int) -> None:
    (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - 1024 * free_kilobytes))


def test_full_disk_keeps_no_half_response(small_disk: Path, few: Path, recordings: Path) -> None:
    copy_recordings(recordings, few, (LATER[RANKINGS],))
    fill(small_disk, free_kilobytes=4)
    with unchanged(small_disk), pytest.raises(LakeError, match=r"No space left.*not kept.* are unchanged"):
        load(RANKINGS, few, Lake(small_disk / "raw"))


def test_full_disk_keeps_the_published_release(small_disk: Path) -> None:
    fill(small_disk, free_kilobytes=1024)
    with unchanged(small_disk), pytest.raises(WarehouseError, match=r"(?s)No space left.*is unchanged"):
        Releases(small_disk).publish(Warehouse(small_disk), published_tables(MANIFEST))


def test_full_disk_fails_the_build_and_changes_nothing(
    small_disk: Path, few: Path, recordings: Path, home: Path
) -> None:
    copy_recordings(recordings, few, (LATER[RANKINGS],))
    fill(small_disk, free_kilobytes=600)
    with unchanged(small_disk):
        run = replay(small_disk, few, home)
    assert run.code == 1, run.output
    assert "Traceback" not in run.output
    reasons = run.output.partition("FAILED. Nothing was published; the published release is unchanged.")[2]
    assert "No space left on device" in reasons
    assert "The rejected build is kept in" in reasons


def test_failed_check_blocks_the_publish_and_is_named(data: Path) -> None:
    """A raw file whose source URL is not a URL: its rows cannot be cited."""
    release = (data / "published").resolve()
    newest = max((data / "raw/rankings").rglob("*.parquet"))
    table = pq.read_table(newest, partitioning=None)
    metadata = json.loads(table.schema.metadata[METADATA_KEY]) | {"source_url": "somewhere"}
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})
    newest.unlink()
    pq.write_table(table, newest)
    digits = hashlib.sha256(newest.read_bytes()).hexdigest()[:16]
    newest.rename(newest.with_name(f"{newest.name[:16]}-{digits}.parquet"))

    citations = dg.AssetKey(["marts", "citations"])
    result = refresh(dg.AssetSelection.assets(citations).upstream() | dg.AssetSelection.groups(group_name("published")))

    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "dbt"
    assert not result.events_for_node("publish")
    reasons = str(failure.step_failure_data.user_failure_data.description)
    assert "of the models and checks failed" in reasons
    assert "has_provenance" in reasons
    assert (data / "published").resolve() == release
    rejected = data / "rejected"
    assert f"The rejected build is kept in {rejected}." in reasons
    assert "has_provenance" in (rejected / "why.txt").read_text(encoding="utf-8")
    assert (rejected / "warehouse.duckdb").exists()
    [evaluation] = [
        one
        for one in result.get_asset_check_evaluations()
        if one.asset_check_key == dg.AssetCheckKey(citations, "has_provenance_citations_")
    ]
    assert not evaluation.passed
    assert "| somewhere |" in evaluation.metadata["sample"].value
    assert "status" not in evaluation.metadata
