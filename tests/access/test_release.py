"""A release that is damaged is a plain error, whichever of its files is, and whenever the damage is found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.access.release import open_release
from orchestration.cli.app import app
from orchestration.errors import QueryError
from orchestration.publish.datapackage import PACKAGE
from orchestration.storage.last_run import LAST_RUN
from orchestration.storage.releases import FILE_NAME, Releases

PACKAGED: dict[str, Any] = {
    "created": "2026-08-07T00:05:19+00:00",
    "generation": "20260807T000519.000000Z",
    "made": {"source": "sample", "clock": "2026-08-07T00:05:19+00:00"},
    "scope_id": "openrouter_public_traffic",
    "is_simulated": False,
    "resources": [
        {
            "name": "scopes",
            "description": "Scopes.",
            "rows": 1,
            "surfaces": [],
            "schema": {"fields": [{"name": "scope_id"}], "primaryKey": ["scope_id"]},
        }
    ],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose release has the table `scopes` only."""
    folder = tmp_path / "releases" / "20260807T000519.000000Z"
    folder.mkdir(parents=True)
    (tmp_path / "published").symlink_to(folder)
    (folder / PACKAGE).write_text(json.dumps(PACKAGED), encoding="utf-8")
    with duckdb.connect(str(folder / FILE_NAME)) as connection:
        connection.execute("create table scopes as select 'openrouter_public_traffic' as scope_id, 'S' as statement")
    return tmp_path


def test_whole_release_opens(data: Path) -> None:
    with open_release(data) as release:
        assert list(release.tables) == ["scopes"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"3",
        b'"package"',
        b"{}",
        b"[" * 9999,
        b'{"a":' * 9999,
        json.dumps(PACKAGED | {"made": "then"}).encode(),
        json.dumps(PACKAGED | {"created": "then"}).encode(),
        json.dumps(PACKAGED | {"created": 3}).encode(),
        json.dumps(PACKAGED | {"resources": 3}).encode(),
        json.dumps(PACKAGED | {"resources": [3]}).encode(),
        json.dumps(PACKAGED | {"resources": [{"name": "a", "schema": None}]}).encode(),
        json.dumps(PACKAGED | {"is_simulated": "no"}).encode(),
        json.dumps(PACKAGED | {"scope_id": []}).encode(),
    ],
)
def test_file_that_is_no_package_is_a_plain_error(content: bytes, data: Path) -> None:
    (data / "published" / PACKAGE).write_bytes(content)
    with pytest.raises(QueryError, match=r"no published release that can be read.*ARGS=--rebuild"), open_release(data):
        pass


def garbage(data: Path) -> None:
    (data / "published" / FILE_NAME).write_bytes(b"garbage" * 1000)


def loop(data: Path) -> None:
    (data / "published").unlink()
    (data / "published").symlink_to("published")


def dangling(data: Path) -> None:
    (data / "published").unlink()
    (data / "published").symlink_to("releases/gone")


@pytest.mark.parametrize("damage", [garbage, loop, dangling])
def test_damaged_release_names_the_command_that_replaces_it(damage: Callable[[Path], None], data: Path) -> None:
    damage(data)
    with pytest.raises(QueryError, match=r"no published release that can be read.*make run ARGS=--rebuild"):
        open_release(data).__enter__()


def test_folder_without_a_release_names_the_first_run(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="Run `make run` first"):
        open_release(tmp_path).__enter__()


def test_damage_that_is_found_while_reading_is_a_plain_error(data: Path) -> None:
    with pytest.raises(QueryError, match="the published release, cannot be read"), open_release(data) as release:
        release.citations(["scopes"])


def test_scope_that_the_release_lacks_is_a_plain_error(data: Path) -> None:
    with duckdb.connect(str((data / "published" / FILE_NAME).resolve())) as connection:
        connection.execute("alter table scopes add column caveats varchar; delete from scopes")
    with pytest.raises(QueryError, match="has no scope openrouter_public_traffic"), open_release(data) as release:
        release.about([])


@pytest.mark.parametrize("damage", [garbage, loop, dangling])
def test_status_answers_without_a_release(damage: Callable[[Path], None], data: Path) -> None:
    damage(data)
    (data / "warehouse.duckdb").write_bytes(b"garbage")
    (data / LAST_RUN).write_text('{"run_id": 1, "state": [], "ended": {}, "process": 2}', encoding="utf-8")
    (data / "claim_history").mkdir()
    (data / "claim_history" / "20260101T000000.000000Z.parquet").write_bytes(b"garbage")
    (data / "requests.sqlite").write_bytes(b"garbage" * 100)
    (data / "rejected").mkdir()
    (data / "rejected" / "why.txt").write_bytes(b"\xff\x00garbage")
    done = CliRunner().invoke(app, ["status", "--data", str(data), "--json"])
    assert done.exit_code == 1, done.output
    shown = json.loads(done.stdout)
    assert (shown["generation"], shown["measures"], shown["last_run"]) == (None, [], None)
    assert "why.txt, which has the reasons, is damaged." in shown["rejected"]
    [release, requests, *others] = shown["problems"]
    assert "no published release that can be read" in release
    assert f"{data / 'requests.sqlite'}, which counts the requests made, cannot be read" in requests
    damaged = ["warehouse.duckdb", LAST_RUN, "claim_history/20260101T000000.000000Z.parquet"]
    assert [other.partition(" is damaged. ")[0] for other in others] == [str(data / name) for name in damaged]
    lines = CliRunner().invoke(app, ["status", "--data", str(data)]).output
    assert all(f"{data / name} is damaged." in lines for name in damaged)
    assert "Last run: none found" in lines


def test_loop_of_links_is_its_own_release(tmp_path: Path) -> None:
    (tmp_path / "published").symlink_to("published")
    assert Releases(tmp_path).current == tmp_path / "published"
