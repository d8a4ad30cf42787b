"""The manifest is parsed again if it or its stamp is damaged, and without dbt's parse state if that is."""

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

    def __call__(self, *_: Any, **__: Any) -> SimpleNamespace:
        self.calls += 1
        if manifest.parse_state(self.target).exists():
            return SimpleNamespace(returncode=2, stdout="", stderr="cannot unpack")
        (self.target / "manifest.json").write_text(json.dumps({"nodes": {}}))
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
