"""A data folder of version 0.1 is moved to today's names, whole, once, and however often it is interrupted."""

import itertools
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import unpack_old_data_folder

from orchestration.errors import MigrationError
from orchestration.storage import migrations
from orchestration.storage.migrations import is_due, migrate
from orchestration.storage.releases import READER_GRACE_SECONDS, Releases

OLD = ("said", "unreadable", "alerts.sqlite", "alerts.lock")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """As version 0.1 left it after two runs; of each release, the larger tables were taken out."""
    unpack_old_data_folder(tmp_path)
    return tmp_path / "data"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def deliveries(path: Path, table: str) -> set[tuple[str, ...]]:
    with sqlite3.connect(path) as connection:
        return set(connection.execute(f"select * from {table}").fetchall())


def later(data: Path) -> None:
    """Time passes, so that no reader can still be on the way to a file in the old folder."""
    passed = time.time() - READER_GRACE_SECONDS
    os.utime(data / "generations", (passed, passed))


def test_all_state_is_moved_and_nothing_is_lost(data: Path) -> None:
    before = {name: contents(data / name) for name in ("said", "unreadable", "generations")}
    delivered = deliveries(data / "alerts.sqlite", "told")
    published = contents(data / "published")
    lines = migrate(data)
    assert contents(data / "claim_history") == before["said"]
    assert contents(data / "quarantine") == before["unreadable"]
    assert contents(data / "releases") == {k: v for k, v in before["generations"].items() if k != ".lock"}
    assert deliveries(data / "deliveries.sqlite", "delivery") == delivered
    assert contents(data / "published") == published
    assert (data / "published").resolve().parent == data / "releases"
    assert [line.split()[1] for line in lines] == [
        str(data / name) for name in ("said", "unreadable", "generations", "alerts.sqlite")
    ]
    assert not any((data / name).exists() for name in OLD)


def test_readers_on_their_way_still_find_the_old_release(data: Path) -> None:
    resolved = (data / "published").resolve()
    migrate(data)
    assert (resolved / "claim.parquet").exists()
    later(data)
    assert migrate(data) == []
    assert not resolved.exists()
    assert not is_due(data)


def test_migrated_folder_is_left_alone(data: Path) -> None:
    migrate(data)
    later(data)
    migrate(data)
    state = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    assert migrate(data) == []
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*")} == state


def steps_of(data: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which calls that change files a migration makes, in order."""
    made: list[str] = []
    _interrupt(monkeypatch, lambda name: made.append(name))
    migrate(data)
    monkeypatch.undo()
    return made


def _interrupt(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    def watched(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            before(name)
            return function(*arguments, **options)

        return call

    for name in ("replace", "unlink", "symlink_to", "touch", "mkdir"):
        monkeypatch.setattr(Path, name, watched(name, getattr(Path, name)))
    monkeypatch.setattr(os, "link", watched("link", os.link))
    monkeypatch.setattr(migrations.shutil, "rmtree", watched("rmtree", migrations.shutil.rmtree))
    monkeypatch.setattr(migrations.sqlite3, "connect", watched("connect", migrations.sqlite3.connect))


def interrupt_at(step: int, data: Path) -> None:
    """Begin a migration that is interrupted before the step of that number."""
    steps = itertools.count()

    def die(_: str) -> None:
        if next(steps) == step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        _interrupt(patch, die)
        with pytest.raises(KeyboardInterrupt):
            migrate(data)


def test_rollback_after_an_interruption_loses_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = tmp_path / "whole"
        migrations.shutil.copytree(data, whole, symlinks=True)
        steps = len(steps_of(whole, patch))
    [*_, earlier, newest] = sorted((whole / "releases").glob("*Z"))
    for step in range(steps):
        broken = tmp_path / f"broken-{step}"
        migrations.shutil.copytree(data, broken, symlinks=True)
        interrupt_at(step, broken)
        migrate(broken)  # as `routerscope rollback` does
        assert Releases(broken).rollback().name == earlier.name
        migrate(broken)
        assert contents(broken / "published") == contents(earlier)
        found = contents(broken / "releases")
        assert found.pop(f"{newest.name}.withdrawn") == b""
        found.pop(".lock")
        assert found == contents(whole / "releases")
        migrations.shutil.rmtree(broken)


def test_interruption_anywhere_is_completed_by_the_next(data: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = tmp_path / "whole"
        migrations.shutil.copytree(data, whole, symlinks=True)
        made = steps_of(whole, patch)
    assert len(made) > 30
    for step in range(len(made)):
        broken = tmp_path / f"broken-{step}"
        migrations.shutil.copytree(data, broken, symlinks=True)
        interrupt_at(step, broken)
        assert (broken / "published" / "claim.parquet").exists()
        migrate(broken)
        for folder in ("claim_history", "quarantine", "releases", "published"):
            assert contents(broken / folder) == contents(whole / folder), (step, made[step], folder)
        table = "delivery"
        assert deliveries(broken / "deliveries.sqlite", table) == deliveries(whole / "deliveries.sqlite", table)
        migrations.shutil.rmtree(broken)


def test_state_of_a_downgrade_is_merged(data: Path, tmp_path: Path) -> None:
    unpack_old_data_folder(tmp_path / "again")
    migrate(data)
    expected = {name: contents(data / name) for name in ("claim_history", "quarantine", "releases")}
    later(data)
    migrate(data)
    with sqlite3.connect(data / "deliveries.sqlite") as connection:
        connection.execute("update delivery set sent_at = null")
    for name in ("said", "unreadable", "generations", "alerts.sqlite"):
        (tmp_path / "again" / "data" / name).rename(data / name)
    delivered = deliveries(data / "alerts.sqlite", "told")
    migrate(data)
    assert {name: contents(data / name) for name in expected} == expected
    assert deliveries(data / "deliveries.sqlite", "delivery") == delivered


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("check_failed/raw/apps/answered/warning", "check_failed/raw/apps/all_due_fetched/warning"),
        ("check_failed/published/words/error", "check_failed/published/overclaims/error"),
        ("check_failed/published/fresh_apps/warning", "check_failed/published/fresh_apps/warning"),
        ("check_failed/marts/app/app_holds/error", "check_failed/marts/app/satisfies_app/error"),
        (
            "check_failed/marts/app/carries_provenance_app_/error",
            "check_failed/marts/app/has_provenance_app_/error",
        ),
        (
            "check_failed/intermediate/int_rankings__told/exports_agree_with_rankings/warning",
            "check_failed/intermediate/int_rankings__reported/assert_exports_agree_with_rankings/warning",
        ),
        (
            "check_failed/seeds/try_rules/evidence_checked_try_rules_/warning",
            "check_failed/seeds/recommendation_rules/has_evidence_recommendation_rules_/warning",
        ),
        (
            "check_failed/seeds/classes/unique_key_classes_dimension__class/warning",
            "check_failed/seeds/class_limits/unique_key_class_limits_dimension__class/warning",
        ),
        ("anomaly/words/package", "anomaly/words/package"),
    ],
)
def test_failing_check_is_not_alerted_again_under_its_new_name(data: Path, old: str, new: str) -> None:
    with sqlite3.connect(data / "alerts.sqlite") as connection:
        connection.execute("insert into told values ('log', ?, 'an id', '2026-08-03')", [old])
    migrate(data)
    assert ("log", new, "an id", "2026-08-03") in deliveries(data / "deliveries.sqlite", "delivery")


def test_withdrawn_release_stays_withdrawn(data: Path) -> None:
    newest = (data / "published").readlink().name
    (data / "generations" / f"{newest}.withdrawn").touch()
    migrate(data)
    assert (data / "releases" / f"{newest}.withdrawn").exists()


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_damaged_record_of_alerts_is_set_aside(data: Path, content: bytes) -> None:
    (data / "alerts.sqlite").write_bytes(content)
    assert any("count as sent" in line for line in migrate(data))
    assert (data / "alerts.sqlite.damaged").read_bytes() == content
    assert not (data / "deliveries.sqlite").exists()
    assert (data / "claim_history").is_dir()


def test_failure_names_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MigrationError, match=r"could not be moved.*No space left.*[Nn]othing is lost.*run again"):
        migrate(data)
    assert contents(data / "said")


def test_linked_folders_stay_links(data: Path, tmp_path: Path) -> None:
    for name in ("said", "generations"):
        (data / name).rename(tmp_path / name)
        (data / name).symlink_to(tmp_path / name)
    history = contents(data / "said")
    migrate(data)
    later(data)
    migrate(data)
    assert (data / "claim_history").resolve() == tmp_path / "said"
    assert contents(data / "claim_history") == history
    assert (data / "published" / "claim.parquet").exists()
    assert not is_due(data)


def test_folder_without_old_state_has_nothing_to_move(tmp_path: Path) -> None:
    assert migrate(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
