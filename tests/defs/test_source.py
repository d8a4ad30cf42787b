"""Assets show the source of their data, and recordings have no freshness policy."""

import json
from pathlib import Path
from typing import get_args

import dagster as dg
import pytest

from orchestration.defs.raw import raw_key
from orchestration.defs.resources import freshness_policy, open_lake
from orchestration.defs.source import known_source, show_source
from orchestration.ingest.sources import open_source
from orchestration.openrouter.surfaces import RANKINGS
from orchestration.settings import RECORDED_SOURCES, Settings, Source

SEED = dg.AssetKey(["seeds", "authors"])


def shown() -> dict[dg.AssetKey, dg.AssetSpec]:
    """A raw asset and a seed, with the source that is known now."""
    specs = [
        dg.AssetSpec(key, kinds={"parquet"}, freshness_policy=freshness_policy()) for key in (raw_key(RANKINGS), SEED)
    ]
    return {spec.key: spec for spec in show_source(specs) if isinstance(spec, dg.AssetSpec)}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, and no source in the environment."""
    monkeypatch.delenv("ROUTERSCOPE_SOURCE", raising=False)
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path))
    return tmp_path


def publish(data: Path, package: object) -> None:
    (data / "published").mkdir()
    (data / "published" / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")


def test_settings_name_the_source(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(data, {"made": {"source": "replay"}})
    assert known_source() == "replay"
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "live")
    assert known_source() == "live"


@pytest.mark.parametrize("package", [None, {}, {"made": {}}, {"made": {"source": "elsewhere"}}])
def test_source_is_unknown_without_a_release_that_names_it(data: Path, package: object) -> None:
    if package is not None:
        publish(data, package)
    assert known_source() is None
    assert shown()[raw_key(RANKINGS)].kinds == {"parquet"}


@pytest.mark.parametrize("name", ["live", "simulator"])
@pytest.mark.usefixtures("data")
def test_source_is_shown_and_freshness_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", name)
    rankings = shown()[raw_key(RANKINGS)]
    assert (rankings.kinds, rankings.tags["routerscope/source"]) == ({"parquet", name}, name)
    assert rankings.freshness_policy == freshness_policy()


@pytest.mark.usefixtures("data")
def test_recordings_have_no_freshness_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    specs = shown()
    assert specs[raw_key(RANKINGS)].kinds == {"parquet", "replay"}
    assert {spec.freshness_policy for spec in specs.values()} == {None}


@pytest.mark.usefixtures("data")
def test_seeds_have_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    assert (shown()[SEED].kinds, shown()[SEED].tags.get("routerscope/source")) == ({"parquet"}, None)


@pytest.mark.parametrize("name", get_args(Source))
def test_recorded_sources_are_those_that_read_recordings(name: str, tmp_path: Path) -> None:
    (tmp_path / "rankings-daily").mkdir()
    (tmp_path / "rankings-daily" / "20261101T000000Z.json.gz").touch()
    replay_dir = {"ROUTERSCOPE_REPLAY_DIR": tmp_path} if name == "replay" else {}
    settings = Settings(ROUTERSCOPE_SOURCE=name, ROUTERSCOPE_DATA_DIR=tmp_path, **replay_dir)
    assert open_source(settings, open_lake(settings)).is_recorded == (name in RECORDED_SOURCES)
