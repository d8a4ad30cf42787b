"""The hash of what a build reads changes with the lake, the code and the settings, and with nothing else."""

import os
from pathlib import Path

import pytest

from orchestration.storage import inputs
from orchestration.storage.inputs import inputs_hash
from orchestration.storage.lake import LEDGER, Lake

SETTINGS = {"source": "replay", "clock": "2026-08-07T00:05:19+00:00"}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake with one file, and a project with a model and a module."""
    project = tmp_path / "project"
    files = [project / "models/staging/a.sql", project / "orchestration/cli/app.py", project / "docs/notes.md"]
    files += [tmp_path / "raw/rankings/observed_date=2026-07-01/one.parquet"]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content", encoding="utf-8")
    monkeypatch.setattr(inputs, "PROJECT_DIR", project)
    return Lake(tmp_path / "raw")


def changed_file(path: Path) -> None:
    """Another content of the same size, written later."""
    path.write_text("CONTENT", encoding="utf-8")
    os.utime(path, ns=(1, 1))


RAW = "raw/rankings/observed_date=2026-07-01"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: changed_file(folder / RAW / "one.parquet"), id="changed raw file"),
        pytest.param(lambda folder: (folder / RAW / "one.parquet").unlink(), id="lost raw file"),
        pytest.param(lambda folder: (folder / RAW / "two.parquet").touch(), id="new raw file"),
        pytest.param(lambda folder: changed_file(folder / "project/models/staging/a.sql"), id="model"),
        pytest.param(lambda folder: changed_file(folder / "project/orchestration/cli/app.py"), id="code"),
        pytest.param(
            lambda folder: (folder / "project/seeds").mkdir() or (folder / "project/seeds/a.csv").touch(), id="seed"
        ),
    ],
)
def test_changed_input_changes_the_hash(change, lake: Lake, tmp_path: Path) -> None:
    before = inputs_hash(lake, SETTINGS)
    change(tmp_path)
    assert inputs_hash(lake, SETTINGS) != before


def test_changed_setting_changes_the_hash(lake: Lake) -> None:
    assert inputs_hash(lake, SETTINGS) != inputs_hash(lake, SETTINGS | {"source": "simulator"})


def test_other_files_do_not_change_the_hash(lake: Lake, tmp_path: Path) -> None:
    before = inputs_hash(lake, SETTINGS)
    changed_file(tmp_path / "project" / "docs" / "notes.md")
    (tmp_path / "raw" / LEDGER).write_text("{}", encoding="utf-8")
    (tmp_path / "raw" / "rankings" / "one.parquet.123.tmp").touch()
    assert inputs_hash(lake, SETTINGS) == before
