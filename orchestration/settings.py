"""Settings: the environment, read once into one frozen, typed object.

    ROUTERSCOPE_SOURCE      live, simulator or replay; always explicit
    ROUTERSCOPE_DATA_DIR    folder of the lake, the warehouse and the published files (default: data/<source>)
    ROUTERSCOPE_REPLAY_DIR  folder of recorded responses, for replay
    ROUTERSCOPE_NOW         the clock of replay and simulator (ISO 8601; a bare date is that day's end); not with live
    ROUTERSCOPE_BASE_URL    where the API is (default: https://openrouter.ai/api/v1)
    ROUTERSCOPE_SIMULATOR   the simulator's world and faults, as JSON (see Simulation)
    OPENROUTER_API_KEY      key for the keyed surfaces; never shown
    ROUTERSCOPE_ALERTS_WEBHOOK  where alerts are posted; never shown (default: nowhere)
    ROUTERSCOPE_ALERTS_FILE     file that alerts are appended to, one JSON object a line (default: none)
    ROUTERSCOPE_ALERTS_LOG      1 to write alerts to the log (default: 0)

What a setting does is said where it is used; nothing else here reads the environment.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestration.errors import SettingsError

BASE_URL = "https://openrouter.ai/api/v1"
PROJECT_DIR = Path(__file__).resolve().parent.parent

# Of a path with `?` DuckDB makes another one for its write-ahead log, `\` it takes for `/`; dbt-duckdb ends it at `#`.
_UNUSABLE = set("?#\\")
_YEARS = (2020, 2100)
# The simulated history begins with 2025, and some days of it are needed for anything to be told.
_SIMULATED = (dt.datetime(2025, 2, 1, tzinfo=dt.UTC), dt.datetime(2031, 1, 1, tzinfo=dt.UTC))

Source = Literal["live", "simulator", "replay"]


def _clock(value: Any) -> Any:
    """ISO 8601; no offset means UTC, and a bare date means the end of that day."""
    if not isinstance(value, str):
        return value
    moment = dt.datetime.fromisoformat(value)
    if len(value) == len("2026-08-07"):
        moment = dt.datetime.combine(moment.date(), dt.time.max)
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise ValueError("no year that this knows")
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def clock_from(told: str) -> dt.datetime:
    """A moment as people write it, as UTC; a bare date is that day's end. Raises SettingsError if it is none."""
    try:
        moment: dt.datetime = _clock(told)
    except ValueError as error:
        raise SettingsError(
            f"{told!r} is no moment: {error}. Write it as 2026-08-07T00:05:19Z or 2026-08-07."
        ) from error
    return moment


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _empty_is_unset(value: Any) -> Any:
    return None if value == "" else value


_Share = Annotated[float, Field(ge=0, le=1)]


class Faults(BaseModel):
    """What goes wrong at the simulator: shares of all requests, and how its bodies have drifted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    too_many_requests: _Share = 0.0
    server_error: _Share = 0.0
    timeout: _Share = 0.0
    cut: _Share = 0.0
    garbage: _Share = 0.0
    drift: Literal["", "new_field", "missing_field", "type_change"] = ""


class Simulation(BaseModel):
    """The simulator's world: how large it is, how long it has been observed, and what goes wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    models: Annotated[int, Field(ge=60, le=5_000)] = 600
    days: Annotated[int, Field(ge=40, le=5_000)] | None = None  # of history that is asked for; all since 2025-01-01
    observations: Annotated[int, Field(ge=0, le=1_000)] = 90  # days on which a pipeline has observed it before
    faults: Faults = Faults()


def _from_json(value: Any) -> Any:
    return json.loads(value or "{}") if isinstance(value, str) else value


class Settings(BaseSettings):
    """What a run is told. Build it with `load`, which turns a wrong value into a SettingsError."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    source: Source = Field(alias="ROUTERSCOPE_SOURCE")
    data_dir: Annotated[Path | None, BeforeValidator(_empty_is_unset)] = Field(None, alias="ROUTERSCOPE_DATA_DIR")
    replay_dir: Annotated[Path | None, BeforeValidator(_empty_is_unset)] = Field(None, alias="ROUTERSCOPE_REPLAY_DIR")
    now: Annotated[dt.datetime | None, BeforeValidator(_clock), BeforeValidator(_empty_is_unset)] = Field(
        None, alias="ROUTERSCOPE_NOW"
    )
    base_url: AnyHttpUrl = Field(AnyHttpUrl(BASE_URL), alias="ROUTERSCOPE_BASE_URL")
    simulation: Annotated[Simulation, NoDecode, BeforeValidator(_from_json)] = Field(
        Simulation(), alias="ROUTERSCOPE_SIMULATOR"
    )
    api_key: Annotated[SecretStr | None, BeforeValidator(_empty_is_unset), BeforeValidator(_trimmed)] = Field(
        None, alias="OPENROUTER_API_KEY"
    )

    alerts_webhook: Annotated[SecretStr | None, BeforeValidator(_empty_is_unset), BeforeValidator(_trimmed)] = Field(
        None, alias="ROUTERSCOPE_ALERTS_WEBHOOK"
    )
    alerts_file: Annotated[Path | None, BeforeValidator(_empty_is_unset)] = Field(None, alias="ROUTERSCOPE_ALERTS_FILE")
    alerts_log: Annotated[bool, BeforeValidator(lambda value: False if value == "" else value)] = Field(
        False, alias="ROUTERSCOPE_ALERTS_LOG"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        folder = str(self.data)
        if not folder.isprintable() or _UNUSABLE & set(folder):
            raise ValueError(
                f"The data folder is {folder!r}, and DuckDB or dbt cannot use a path with one of "
                f"{' '.join(sorted(_UNUSABLE))} or a control character in it. Nothing was written. Set "
                "ROUTERSCOPE_DATA_DIR to a path without them."
            )
        if self.source == "replay" and self.replay_dir is None:
            raise ValueError(
                "ROUTERSCOPE_REPLAY_DIR is not set. With ROUTERSCOPE_SOURCE=replay, set it to the folder of recordings."
            )
        if self.source == "live" and self.now is not None:
            raise ValueError(
                f"ROUTERSCOPE_NOW is {self.now.isoformat()!r}, and the live source knows only the real clock. "
                "Unset it, or choose replay or simulator."
            )
        if self.source == "simulator" and self.now is not None and not _SIMULATED[0] <= self.now < _SIMULATED[1]:
            raise ValueError(
                f"ROUTERSCOPE_NOW is {self.now.isoformat()!r}, and the simulated history is told of from "
                f"{_SIMULATED[0].date()} to {_SIMULATED[1].date()}. Set it to a moment between them, or unset it."
            )
        if self.alerts_webhook is not None:
            _check_webhook(self.alerts_webhook.get_secret_value())
        if self.api_key is not None:
            # A key that no header can hold would stand in the error that says so.
            key = self.api_key.get_secret_value()
            if not (key.isascii() and key.isprintable()) or " " in key:
                raise ValueError(
                    "OPENROUTER_API_KEY is not usable (its value is not shown): a key is one word of plain characters, "
                    "without blanks or line breaks. Set it to the key's text alone, or unset it."
                )
            if self.base_url.scheme != "https" and self.base_url.host not in ("localhost", "127.0.0.1", "[::1]"):
                raise ValueError(
                    f"ROUTERSCOPE_BASE_URL is {str(self.base_url)!r}, and a key is not sent over a connection that "
                    "others can read. Use https, or unset OPENROUTER_API_KEY."
                )
        return self

    @property
    def data(self) -> Path:
        """Folder of the lake, the warehouse and the published files."""
        return _located(self.data_dir or PROJECT_DIR / "data" / self.source)

    @classmethod
    def load(cls, source: Source | None = None) -> Settings:
        """Settings from the environment, of another source if one is given.

        Raises SettingsError naming variable, value, and what would be right.
        """
        try:
            return cls(**({"ROUTERSCOPE_SOURCE": source} if source else {}))  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError("\n".join(_sentence(detail) for detail in error.errors())) from None


def _check_webhook(address: str) -> None:
    """Raises ValueError, which does not show the address: whoever has it can post there."""
    try:
        AnyHttpUrl(address)
    except ValidationError:
        raise ValueError(
            "ROUTERSCOPE_ALERTS_WEBHOOK is not usable (its value is not shown). Set it to an http or https address, or "
            "unset it."
        ) from None


def _located(folder: Path) -> Path:
    """The absolute path. `..` is resolved here: DuckDB would cut it off in the text, past symbolic links."""
    return folder.resolve() if ".." in folder.parts else folder.absolute()


def data_folder(told: Path | None = None) -> Path:
    """The data folder that was named, or that of the environment, or else the one that was published to last."""
    if told or (told := Path(folder) if (folder := os.environ.get("ROUTERSCOPE_DATA_DIR")) else None):
        return _located(told)
    if source := os.environ.get("ROUTERSCOPE_SOURCE"):
        return PROJECT_DIR / "data" / source
    published = sorted((PROJECT_DIR / "data").glob("*/published"), key=lambda path: path.resolve().name)
    return published[-1].parent if published else PROJECT_DIR / "data" / "live"


_RIGHT = {
    "ROUTERSCOPE_SOURCE": "Set it to live, simulator or replay.",
    "ROUTERSCOPE_DATA_DIR": "Set it to a folder's path.",
    "ROUTERSCOPE_REPLAY_DIR": "Set it to the path of a folder of recorded responses.",
    "ROUTERSCOPE_NOW": "Set it to an ISO 8601 moment such as 2026-08-07T00:05:19Z, or to a date, or unset it.",
    "ROUTERSCOPE_BASE_URL": f"Set it to an http or https address such as {BASE_URL}, or unset it.",
    "ROUTERSCOPE_SIMULATOR": 'Set it to JSON such as {"seed": 1, "models": 600, "faults": {"latency_seconds": 0.2}}.',
    "OPENROUTER_API_KEY": "Set it to the key's text, or unset it.",
    "ROUTERSCOPE_ALERTS_WEBHOOK": "Set it to an http or https address, or unset it.",
    "ROUTERSCOPE_ALERTS_FILE": "Set it to a file's path, or unset it.",
    "ROUTERSCOPE_ALERTS_LOG": "Set it to 1 or 0, or unset it.",
}


def _sentence(detail: Any) -> str:
    variable = str(detail["loc"][0]) if detail["loc"] else ""
    if variable not in _RIGHT:
        return str(detail["ctx"]["error"])
    if detail["type"] == "missing":
        return f"{variable} is not set. {_RIGHT[variable]}"
    is_secret = variable in ("OPENROUTER_API_KEY", "ROUTERSCOPE_ALERTS_WEBHOOK") or "@" in str(detail["input"])
    shown = "not usable (its value is not shown)" if is_secret else repr(detail["input"])
    inside = ".".join(map(str, detail["loc"][1:]))
    if inside:  # pydantic's own words say what is wrong inside a JSON setting
        return f"{variable}: {inside} is {shown}: {detail['msg'].lower()}. {_RIGHT[variable]}"
    return f"{variable} is {shown}, which cannot be used. {_RIGHT[variable]}"
