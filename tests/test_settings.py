"""An invalid setting is reported with its value and valid ones."""

import datetime as dt
from pathlib import Path

import pytest

from orchestration.errors import SettingsError
from orchestration.folders import PROJECT_DIR, data_folder
from orchestration.settings import Settings

VARIABLES = (
    "ROUTERSCOPE_REMOTE",
    "ROUTERSCOPE_SOURCE",
    "ROUTERSCOPE_DATA_DIR",
    "ROUTERSCOPE_REPLAY_DIR",
    "ROUTERSCOPE_NOW",
    "ROUTERSCOPE_BASE_URL",
    "ROUTERSCOPE_SIMULATOR",
    "OPENROUTER_API_KEY",
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Settings:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def test_source_is_required() -> None:
    with pytest.raises(SettingsError, match=r"ROUTERSCOPE_SOURCE is not set.*live, sample, simulator or replay"):
        Settings.load()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ROUTERSCOPE_SOURCE": "reply"}, ["ROUTERSCOPE_SOURCE", "'reply'", "live, sample, simulator or replay"]),
        ({"ROUTERSCOPE_SOURCE": "replay"}, ["ROUTERSCOPE_REPLAY_DIR is not set", "folder of recordings"]),
        (
            {"ROUTERSCOPE_SOURCE": "sample", "ROUTERSCOPE_REPLAY_DIR": "r"},
            ["ROUTERSCOPE_REPLAY_DIR is 'r'", "Unset it, or set ROUTERSCOPE_SOURCE=replay"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "replay", "ROUTERSCOPE_REPLAY_DIR": "r", "ROUTERSCOPE_NOW": "yesterday"},
            ["ROUTERSCOPE_NOW", "'yesterday'", "2026-08-07T00:05:19Z"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "live", "ROUTERSCOPE_NOW": "2026-08-07T00:00:00Z"},
            ["ROUTERSCOPE_NOW", "2026-08-07", "live", "Unset it"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "live", "ROUTERSCOPE_BASE_URL": "openrouter"},
            ["ROUTERSCOPE_BASE_URL", "'openrouter'", "https://openrouter.ai/api/v1"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_NOW": "0001-01-01T00:00+14:00"},
            ["ROUTERSCOPE_NOW is '0001-01-01T00:00+14:00', which cannot be used"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_NOW": "2024-06-01"},
            ["2024-06-01", "covers 2025-02-01 to 2031-01-01"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_SIMULATOR": "600 models"},
            ["ROUTERSCOPE_SIMULATOR", "'600 models'", "Set it to JSON"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_SIMULATOR": '{"faults": {"cut": 2}}'},
            ["ROUTERSCOPE_SIMULATOR: faults.cut is 2", "less than or equal to 1"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "live", "OPENROUTER_API_KEY": "k", "ROUTERSCOPE_BASE_URL": "http://example.org/v1"},
            ["http://example.org/v1", "unencrypted connection", "Use https"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "live", "ROUTERSCOPE_BASE_URL": "https://reader:secret@example.org/v1"},
            ["ROUTERSCOPE_BASE_URL contains a user name, a password or a query (its value is not shown)"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "live", "ROUTERSCOPE_BASE_URL": "https://example.org/v1?token=secret"},
            ["ROUTERSCOPE_BASE_URL contains a user name, a password or a query (its value is not shown)"],
        ),
        (
            {"ROUTERSCOPE_SOURCE": "live", "ROUTERSCOPE_REMOTE": "/mnt/lake"},
            ["The address in object storage is '/mnt/lake'", "s3://bucket/folder"],
        ),
        *(
            (
                {"ROUTERSCOPE_SOURCE": "live", "ROUTERSCOPE_REMOTE": address},
                ["The address in object storage is not usable (it is not shown)"],
            )
            for address in ("s3://key:secret@bucket/lake", "az://container/lake?sig=secret")
        ),
    ],
)
def test_invalid_value_is_reported_with_valid_ones(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, **settings)
    for word in words:
        assert word in str(raised.value)
    assert "secret" not in str(raised.value)


def test_all_invalid_values_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, ROUTERSCOPE_SOURCE="x", ROUTERSCOPE_NOW="y")
    assert "ROUTERSCOPE_SOURCE" in str(raised.value)
    assert "ROUTERSCOPE_NOW" in str(raised.value)


def test_clock_is_parsed_as_a_timestamp(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ROUTERSCOPE_SOURCE="simulator", ROUTERSCOPE_NOW="2026-08-07T02:05:19+02:00")
    assert settings.now == dt.datetime(2026, 8, 7, 0, 5, 19, tzinfo=dt.UTC)


def test_each_source_has_its_own_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, ROUTERSCOPE_SOURCE="simulator").data == PROJECT_DIR / "data" / "simulator"
    assert load(monkeypatch, ROUTERSCOPE_SOURCE="live").data == PROJECT_DIR / "data" / "live"
    assert load(monkeypatch, ROUTERSCOPE_DATA_DIR="/elsewhere").data.as_posix() == "/elsewhere"


def test_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_NOW="", OPENROUTER_API_KEY="")
    assert settings.now is None
    assert settings.api_key is None


def test_address_in_object_storage_needs_no_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("s3://bucket/lake", "s3://bucket/lake/", " s3://bucket/lake"):
        assert load(monkeypatch, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_REMOTE=given).remote == "s3://bucket/lake"


def test_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ROUTERSCOPE_SOURCE="live", OPENROUTER_API_KEY="sk-or-secret")
    assert "secret" not in repr(settings) + str(settings)
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, ROUTERSCOPE_SOURCE="x", OPENROUTER_API_KEY="sk-or-secret")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("key", ["sk-or-sec ret", "sk-or\nsecret", "sk-or-sécret"])
def test_key_that_no_header_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(SettingsError, match="OPENROUTER_API_KEY is not usable") as raised:
        load(monkeypatch, ROUTERSCOPE_SOURCE="live", OPENROUTER_API_KEY=key)
    assert "sk-or" not in str(raised.value)


def test_line_break_after_a_key_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ROUTERSCOPE_SOURCE="live", OPENROUTER_API_KEY="sk-or-secret\n")
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "sk-or-secret"


def test_key_may_be_sent_to_localhost_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:8080/api/v1"
    assert load(monkeypatch, ROUTERSCOPE_SOURCE="live", OPENROUTER_API_KEY="k", ROUTERSCOPE_BASE_URL=url).api_key


def test_settings_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ROUTERSCOPE_SOURCE="live")
    with pytest.raises(ValueError, match="frozen"):
        settings.source = "replay"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["lake?", "C#", "back\\slash", "new\nline"])
def test_data_folder_that_duckdb_cannot_use_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(SettingsError, match=r"The data folder is .*Nothing was written.*ROUTERSCOPE_DATA_DIR"):
        load(monkeypatch, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_DATA_DIR=f"/data/{name}/live")


def test_data_folder_resolves_dots_through_symlinks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "disk" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "folder")
    folder = str(tmp_path / "link" / ".." / "data")
    assert load(monkeypatch, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_DATA_DIR=folder).data == tmp_path / "disk" / "data"
    assert data_folder(Path(folder)) == tmp_path / "disk" / "data"


def test_path_that_duckdb_would_read_differently_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsencode", lambda path: path.encode("iso-8859-1"))
    with pytest.raises(SettingsError, match=r"'/März', and DuckDB reads paths as UTF-8.*Nothing was written"):
        load(monkeypatch, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_DATA_DIR="/März")
    assert load(monkeypatch, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_DATA_DIR="/data").data == Path("/data")
