"""Where dbt's manifest is kept, and that a stale or damaged one is parsed again."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.errors import WarehouseError
from orchestration.transform import manifest


class FakeDbt:
    """Writes a manifest, but fails as long as there is a parse state that it cannot read."""

    def __init__(self, target: Path) -> None:
        self.target, self.calls = target, 0
        self.manifest: dict[str, Any] = {"nodes": {}}

    def __call__(self, *_: Any, **__: Any) -> SimpleNamespace:
        self.calls += 1
        if manifest.parse_state(self.target).exists():
            return SimpleNamespace(returncode=2, stdout="", stderr="cannot unpack")
        (self.target / "manifest.json").write_text(json.dumps(self.manifest), encoding="utf-8")
        return SimpleNamespace(returncode=0, stdout="", stderr="")


@pytest.fixture
def dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDbt:
    fake = FakeDbt(tmp_path)
    monkeypatch.setattr(manifest, "_TARGET", tmp_path)
    monkeypatch.setattr(manifest.subprocess, "run", fake)
    return fake


def test_manifest_is_parsed_once(dbt: FakeDbt) -> None:
    assert manifest.load_manifest() == manifest.load_manifest() == {"nodes": {}}
    assert dbt.calls == 1


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sha256"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[" * 9999])
def test_damaged_manifest_is_parsed_again(name: str, content: bytes, dbt: FakeDbt) -> None:
    manifest.load_manifest()
    (dbt.target / name).write_bytes(content)
    assert manifest.load_manifest() == {"nodes": {}}
    assert dbt.calls == 2


def test_damaged_parse_state_is_set_aside(dbt: FakeDbt) -> None:
    manifest.parse_state(dbt.target).write_bytes(b"garbage")
    assert manifest.load_manifest() == {"nodes": {}}
    assert [path.read_bytes() for path in dbt.target.glob("damaged/*/partial_parse.msgpack")] == [b"garbage"]


def test_parse_state_of_the_manifest_starts_a_new_folder(dbt: FakeDbt, tmp_path: Path) -> None:
    manifest.parse_state(dbt.target).write_bytes(b"shared")
    manifest.share_parse_state(tmp_path / "data" / "dbt")
    state = manifest.parse_state(tmp_path / "data" / "dbt")
    assert state.read_bytes() == b"shared"
    state.write_bytes(b"newer")
    manifest.share_parse_state(tmp_path / "data" / "dbt")
    assert state.read_bytes() == b"newer"


def test_severity_is_the_declared_one(dbt: FakeDbt) -> None:
    """dbt parses with the severity that it builds with, so the rendered one is always `warn`."""

    def test_of(severity: str) -> dict[str, Any]:
        rendered = {"severity": "warn"}
        return {"resource_type": "test", "config": rendered, "unrendered_config": {"severity": severity}}

    nodes = {"default": test_of("{{ var('severity', 'error') }}"), "own": test_of("warn")}
    dbt.manifest = {"nodes": nodes}
    for _ in ("parsed", "read"):
        found = manifest.load_manifest()["nodes"]
        assert {name: node["config"]["severity"] for name, node in found.items()} == {"default": "error", "own": "warn"}


def test_other_failure_of_dbt_is_reported(dbt: FakeDbt, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = SimpleNamespace(returncode=2, stdout="Compilation Error", stderr="")
    monkeypatch.setattr(manifest.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(WarehouseError, match=r"(?s)cannot parse the project, so nothing was built:\nCompilation Error"):
        manifest.load_manifest()

    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(manifest.subprocess, "run", missing)
    with pytest.raises(WarehouseError, match="cannot be started: No such file"):
        manifest.load_manifest()
    assert dbt.calls == 0


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
