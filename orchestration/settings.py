"""Settings: the environment, read once into one frozen, typed object.

    ROUTERSCOPE_SOURCE      live, simulator or replay; always explicit
    ROUTERSCOPE_DATA_DIR    folder of the lake, the warehouse and the published files (default: data/<source>)
    ROUTERSCOPE_REPLAY_DIR  folder of recorded responses, for replay
    ROUTERSCOPE_NOW         the clock of replay and simulator (ISO 8601; a bare date is that day's end); not with live
    ROUTERSCOPE_BASE_URL    where the API is (default: https://openrouter.ai/api/v1)
    OPENROUTER_API_KEY      key for the keyed surfaces; never shown

What a setting does is said where it is used; nothing else here reads the environment.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestration.errors import SettingsError
from orchestration.openrouter.surfaces import BASE_URL

PROJECT_DIR = Path(__file__).resolve().parent.parent

Source = Literal["live", "simulator", "replay"]


def _clock(value: Any) -> Any:
    """ISO 8601; no offset means UTC, and a bare date means the end of that day."""
    if not isinstance(value, str):
        return value
    moment = dt.datetime.fromisoformat(value)
    if "T" not in value and ":" not in value:
        moment = dt.datetime.combine(moment.date(), dt.time.max)
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _empty_is_unset(value: Any) -> Any:
    return None if value == "" else value


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
    api_key: Annotated[SecretStr | None, BeforeValidator(_empty_is_unset)] = Field(None, alias="OPENROUTER_API_KEY")

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.source == "replay" and self.replay_dir is None:
            raise ValueError(
                "ROUTERSCOPE_REPLAY_DIR is not set. With ROUTERSCOPE_SOURCE=replay, set it to the folder of recordings."
            )
        if self.source == "live" and self.now is not None:
            raise ValueError(
                f"ROUTERSCOPE_NOW is {self.now.isoformat()!r}, and the live source knows only the real clock. "
                "Unset it, or choose replay or simulator."
            )
        return self

    @property
    def data(self) -> Path:
        """Folder of the lake, the warehouse and the published files."""
        return (self.data_dir or PROJECT_DIR / "data" / self.source).absolute()

    @classmethod
    def load(cls) -> Settings:
        """Settings from the environment. Raises SettingsError naming variable, value, and what would be right."""
        try:
            return cls()  # type: ignore[call-arg]  # the environment supplies the fields
        except ValidationError as error:
            raise SettingsError("\n".join(_sentence(detail) for detail in error.errors())) from None


_RIGHT = {
    "ROUTERSCOPE_SOURCE": "Set it to replay; live and simulator are known, but this version cannot read them yet.",
    "ROUTERSCOPE_DATA_DIR": "Set it to a folder's path.",
    "ROUTERSCOPE_REPLAY_DIR": "Set it to the path of a folder of recorded responses.",
    "ROUTERSCOPE_NOW": "Set it to an ISO 8601 moment such as 2026-08-07T00:05:19Z, or to a date, or unset it.",
    "ROUTERSCOPE_BASE_URL": f"Set it to an http or https address such as {BASE_URL}, or unset it.",
    "OPENROUTER_API_KEY": "Set it to the key's text, or unset it.",
}


def _sentence(detail: Any) -> str:
    variable = str(detail["loc"][0]) if detail["loc"] else ""
    if variable not in _RIGHT:
        return str(detail["ctx"]["error"])
    if detail["type"] == "missing":
        return f"{variable} is not set. {_RIGHT[variable]}"
    is_secret = variable == "OPENROUTER_API_KEY" or "@" in str(detail["input"])
    shown = "not usable (its value is not shown)" if is_secret else repr(detail["input"])
    return f"{variable} is {shown}, which cannot be used. {_RIGHT[variable]}"
