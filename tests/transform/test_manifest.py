"""Where dbt's manifest is kept, and that a stale one is never read."""

import json
from pathlib import Path

import pytest

from orchestration.errors import WarehouseError
from orchestration.transform import manifest


@pytest.fixture
def read_only_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that cannot be written, even by root: its target folder is below a file."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(manifest, "_TARGET", tmp_path / "file" / "target")
    return tmp_path


def test_manifest_is_kept_in_the_data_folder(read_only_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = read_only_project / "data"
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(data))
    parsed = []

    def parse(folder: Path) -> None:
        parsed.append(folder)
        (folder / "manifest.json").write_text('{"nodes": {}}', encoding="utf-8")

    monkeypatch.setattr(manifest, "_parse", parse)
    assert manifest.load_manifest() == manifest.load_manifest() == {"nodes": {}}
    assert parsed == [data / "dbt_manifest"]
    (data / "dbt_manifest" / "manifest.json").write_text('{"nodes": {"a": 1}}', encoding="utf-8")
    assert manifest.load_manifest() == {"nodes": {}}  # without a stamp, it is parsed again
    assert len(parsed) == 2


def test_manifest_of_a_read_only_project_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_TARGET", tmp_path)
    content = json.dumps({"nodes": {}}).encode()
    (tmp_path / "manifest.json").write_bytes(content)
    stamp = manifest._stamp(manifest.project_hash(manifest.DBT_INPUTS), content)
    (tmp_path / "manifest.sha256").write_text(stamp, encoding="utf-8")
    assert manifest.load_manifest() == {"nodes": {}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "manifest.sha256"]


def test_nowhere_to_write_the_manifest_is_reported(read_only_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(read_only_project / "file" / "data"))
    with pytest.raises(WarehouseError, match=r"manifest can be written neither to .*Set ROUTERSCOPE_DATA_DIR"):
        manifest.load_manifest()
