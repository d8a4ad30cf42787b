"""Settings: the environment, read once into one frozen, typed object.

    ROUTERSCOPE_SOURCE      live, sample, simulator or replay; always explicit
    ROUTERSCOPE_DATA_DIR    folder of the lake, the warehouse and the published files (default: data/<source>)
    ROUTERSCOPE_REMOTE      address in object storage that lake and releases are shared through (default: none)
    ROUTERSCOPE_REPLAY_DIR  folder of recorded responses, for replay
    ROUTERSCOPE_NOW         clock of every source but live (ISO 8601; a date means the end of that day)
    ROUTERSCOPE_BASE_URL    base URL of the API (default: https://openrouter.ai/api/v1)
    ROUTERSCOPE_SIMULATOR   size and faults of the simulated OpenRouter, as JSON (see Simulation)
    OPENROUTER_API_KEY      API key for the surfaces that require one; never shown
    ROUTERSCOPE_ALERTS_WEBHOOK  address that alerts are posted to; never shown (default: none)
    ROUTERSCOPE_ALERTS_FILE     file that alerts are appended to, one JSON object per line (default: none)
    ROUTERSCOPE_ALERTS_LOG      1 to write alerts to the log (default: 0)
    ROUTERSCOPE_ENGINE          duckdb or spark: what reads every one of the user's own calls (default: duckdb)
    ROUTERSCOPE_SPARK_MASTER    Spark's master, or thrift://host:port of a server (default: local[*])

What a setting does is documented where it is used.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

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

from orchestration.clock import parse_timestamp
from orchestration.errors import SettingsError
from orchestration.folders import PROJECT_DIR, absolute

BASE_URL = "https://openrouter.ai/api/v1"

# DuckDB changes a path with `?` for its write-ahead log and reads `\` as `/`; dbt-duckdb cuts a path at `#`.
_UNSUPPORTED_PATH_CHARACTERS = set("?#\\")
# The simulated history begins on 2025-01-01, and the marts need some days of it.
_MIN_SIMULATED_CLOCK = dt.datetime(2025, 2, 1, tzinfo=dt.UTC)
_MAX_SIMULATED_CLOCK = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)

Source = Literal["live", "sample", "simulator", "replay"]
# Their responses are recordings: a run does not make the data newer.
RECORDED_SOURCES: frozenset[Source] = frozenset({"replay", "sample"})


def _timestamp(value: Any) -> Any:
    try:
        return parse_timestamp(value) if isinstance(value, str) else value
    except SettingsError as error:
        raise ValueError(str(error)) from error


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _strip_address(value: Any) -> Any:
    return value.strip().rstrip("/") if isinstance(value, str) else value


def _empty_as_unset(value: Any) -> Any:
    return None if value == "" else value


_Share = Annotated[float, Field(ge=0, le=1)]


class Faults(BaseModel):
    """Faults of the simulated OpenRouter: the share of requests that each one hits, and how its bodies drift."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    too_many_requests: _Share = 0.0
    server_error: _Share = 0.0
    timeout: _Share = 0.0
    cut: _Share = 0.0
    garbage: _Share = 0.0
    drift: Literal["", "new_field", "missing_field", "type_change"] = ""


class Simulation(BaseModel):
    """The simulated OpenRouter: how large it is, for how long it has been observed, and its faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    models: Annotated[int, Field(ge=60, le=5_000)] = 600
    days: Annotated[int, Field(ge=40, le=5_000)] | None = None  # of history to fetch; all since 2025-01-01
    observations: Annotated[int, Field(ge=0, le=1_000)] = 90  # days before the clock with a run of their own
    faults: Faults = Faults()


def _parse_json(value: Any) -> Any:
    try:
        return json.loads(value or "{}") if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


# A bucket and a folder in it. Anything else, such as a user name or a query, could be a secret.
_REMOTE = re.compile(r"(s3|gs|az)://[\w.-]+(/[\w.=-]+)*", re.ASCII)


def remote_address(address: str) -> str:
    """The address in object storage without a slash at its end. Raises SettingsError if it cannot be used."""
    address = str(_strip_address(address))
    if not _REMOTE.fullmatch(address) or ".." in address:
        shown = "not usable (it is not shown)" if set("@?") & set(address) else repr(address)
        raise SettingsError(
            f"The address in object storage is {shown}. Nothing was changed. Set ROUTERSCOPE_REMOTE or --remote to an "
            "address such as s3://bucket/folder (also gs:// and az://), with letters, digits, `.`, `_`, `=` and `-` in "
            "its names. Credentials are read from the environment only."
        )
    return address


class Settings(BaseSettings):
    """The settings of a run. Build them with `load`, which reports invalid values as a SettingsError."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    source: Source = Field(alias="ROUTERSCOPE_SOURCE")
    data_dir: Annotated[Path | None, BeforeValidator(_empty_as_unset)] = Field(None, alias="ROUTERSCOPE_DATA_DIR")
    remote: Annotated[str | None, BeforeValidator(_empty_as_unset), BeforeValidator(_strip_address)] = Field(
        None, alias="ROUTERSCOPE_REMOTE"
    )
    replay_dir: Annotated[Path | None, BeforeValidator(_empty_as_unset)] = Field(None, alias="ROUTERSCOPE_REPLAY_DIR")
    now: Annotated[dt.datetime | None, BeforeValidator(_timestamp), BeforeValidator(_empty_as_unset)] = Field(
        None, alias="ROUTERSCOPE_NOW"
    )
    base_url: AnyHttpUrl = Field(AnyHttpUrl(BASE_URL), alias="ROUTERSCOPE_BASE_URL")
    simulation: Annotated[Simulation, NoDecode, BeforeValidator(_parse_json)] = Field(
        Simulation(), alias="ROUTERSCOPE_SIMULATOR"
    )
    api_key: Annotated[SecretStr | None, BeforeValidator(_empty_as_unset), BeforeValidator(_strip)] = Field(
        None, alias="OPENROUTER_API_KEY"
    )

    alerts_webhook: Annotated[SecretStr | None, BeforeValidator(_empty_as_unset), BeforeValidator(_strip)] = Field(
        None, alias="ROUTERSCOPE_ALERTS_WEBHOOK"
    )
    alerts_file: Annotated[Path | None, BeforeValidator(_empty_as_unset)] = Field(None, alias="ROUTERSCOPE_ALERTS_FILE")
    alerts_log: Annotated[bool, BeforeValidator(lambda value: False if value == "" else value)] = Field(
        False, alias="ROUTERSCOPE_ALERTS_LOG"
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> Settings:
        folder = str(self.data)
        if not folder.isprintable() or _UNSUPPORTED_PATH_CHARACTERS & set(folder):
            raise ValueError(
                f"The data folder is {folder!r}, and DuckDB and dbt cannot use a path that contains "
                f"{' '.join(sorted(_UNSUPPORTED_PATH_CHARACTERS))} or a control character. Nothing was written. Set "
                "ROUTERSCOPE_DATA_DIR to a path without them."
            )
        if os.fsencode(folder) != folder.encode():
            raise ValueError(
                f"The data folder is {folder!r}, and DuckDB reads paths as UTF-8, but this locale's encoding is "
                f"{sys.getfilesystemencoding()}. Nothing was written. Set ROUTERSCOPE_DATA_DIR to a path in ASCII, or "
                "use a UTF-8 locale."
            )
        if self.source == "replay" and self.replay_dir is None:
            raise ValueError(
                "ROUTERSCOPE_REPLAY_DIR is not set. With ROUTERSCOPE_SOURCE=replay, set it to the folder of recordings."
            )
        if self.source == "sample" and self.replay_dir is not None:
            raise ValueError(
                f"ROUTERSCOPE_REPLAY_DIR is {str(self.replay_dir)!r}, but the sample is a part of the project. Unset "
                "it, or set ROUTERSCOPE_SOURCE=replay to read that folder."
            )
        if self.source == "live" and self.now is not None:
            raise ValueError(
                f"ROUTERSCOPE_NOW is {self.now.isoformat()!r}, but the live source always uses the real clock. "
                "Unset it, or choose sample, replay or simulator."
            )
        if (
            self.source == "simulator"
            and self.now is not None
            and not _MIN_SIMULATED_CLOCK <= self.now < _MAX_SIMULATED_CLOCK
        ):
            raise ValueError(
                f"ROUTERSCOPE_NOW is {self.now.isoformat()!r}, but the simulator covers "
                f"{_MIN_SIMULATED_CLOCK.date()} to {_MAX_SIMULATED_CLOCK.date()}. Set it to a time between them, or "
                "unset it."
            )
        if self.remote is not None:
            try:
                remote_address(self.remote)
            except SettingsError as error:
                raise ValueError(str(error)) from None
        if self.alerts_webhook is not None:
            _check_webhook(self.alerts_webhook.get_secret_value())
        url = self.base_url
        if url.username or url.password or url.query is not None or url.fragment is not None:
            raise ValueError(
                "ROUTERSCOPE_BASE_URL contains a user name, a password or a query (its value is not shown), which "
                f"messages and files would show. Set it to an address without them, such as {BASE_URL}."
            )
        if self.api_key is not None:
            # httpx shows a header that it cannot send in its error message.
            key = self.api_key.get_secret_value()
            if not (key.isascii() and key.isprintable()) or " " in key:
                raise ValueError(
                    "OPENROUTER_API_KEY is not usable (its value is not shown): a key has only printable ASCII "
                    "characters, without spaces or line breaks. Set it to the key only, or unset it."
                )
            if self.base_url.scheme != "https" and self.base_url.host not in ("localhost", "127.0.0.1", "[::1]"):
                raise ValueError(
                    f"ROUTERSCOPE_BASE_URL is {str(self.base_url)!r}, and a key is never sent over an unencrypted "
                    "connection. Use https, or unset OPENROUTER_API_KEY."
                )
        return self

    @property
    def data(self) -> Path:
        """Folder of the lake, the warehouse and the published files."""
        return absolute(self.data_dir or PROJECT_DIR / "data" / self.source)

    @classmethod
    def load(cls, source: Source | None = None) -> Settings:
        """Settings from the environment; `source` replaces ROUTERSCOPE_SOURCE.

        Raises SettingsError with every invalid variable, its value and valid ones.
        """
        with _reported():
            return cls(**({"ROUTERSCOPE_SOURCE": source} if source else {}))  # type: ignore[arg-type]


class Engine(BaseSettings):
    """What runs the models that read every one of the user's own calls: DuckDB, or Spark with this master."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    name: Annotated[Literal["duckdb", "spark"], BeforeValidator(lambda value: value or "duckdb")] = Field(
        "duckdb", alias="ROUTERSCOPE_ENGINE"
    )
    spark_master: Annotated[str, BeforeValidator(lambda value: value or "local[*]")] = Field(
        "local[*]", alias="ROUTERSCOPE_SPARK_MASTER"
    )

    @classmethod
    def load(cls) -> Engine:
        """The engine from the environment. Raises SettingsError as Settings.load does."""
        with _reported():
            return cls()  # type: ignore[call-arg]  # pydantic-settings reads them


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise SettingsError("\n".join(_message(detail) for detail in error.errors())) from None


def _check_webhook(address: str) -> None:
    """Raises ValueError without showing the address: anyone who has it can post there."""
    try:
        AnyHttpUrl(address)
    except ValidationError:
        raise ValueError(
            "ROUTERSCOPE_ALERTS_WEBHOOK is not usable (its value is not shown). Set it to an http or https address, or "
            "unset it."
        ) from None


_HINTS = {
    "ROUTERSCOPE_SOURCE": "Set it to live, sample, simulator or replay.",
    "ROUTERSCOPE_DATA_DIR": "Set it to a folder's path.",
    "ROUTERSCOPE_REMOTE": "Set it to an address such as s3://bucket/folder, or unset it.",
    "ROUTERSCOPE_REPLAY_DIR": "Set it to the path of a folder of recorded responses.",
    "ROUTERSCOPE_NOW": "Set it to an ISO 8601 timestamp such as 2026-08-07T00:05:19Z, or to a date, or unset it.",
    "ROUTERSCOPE_BASE_URL": f"Set it to an http or https address such as {BASE_URL}, or unset it.",
    "ROUTERSCOPE_SIMULATOR": 'Set it to JSON such as {"seed": 1, "models": 600, "faults": {"latency_seconds": 0.2}}.',
    "OPENROUTER_API_KEY": "Set it to the key, or unset it.",
    "ROUTERSCOPE_ALERTS_WEBHOOK": "Set it to an http or https address, or unset it.",
    "ROUTERSCOPE_ALERTS_FILE": "Set it to a file's path, or unset it.",
    "ROUTERSCOPE_ALERTS_LOG": "Set it to 1 or 0, or unset it.",
    "ROUTERSCOPE_ENGINE": "Set it to duckdb or spark, or unset it.",
    "ROUTERSCOPE_SPARK_MASTER": "Set it to a master such as local[2] or spark://host:7077, or unset it.",
}
_SECRETS = {field.alias for field in Settings.model_fields.values() if SecretStr in get_args(field.annotation)}


def _message(detail: Any) -> str:
    variable = str(detail["loc"][0]) if detail["loc"] else ""
    if variable not in _HINTS:
        return str(detail["ctx"]["error"])
    if detail["type"] == "missing":
        return f"{variable} is not set. {_HINTS[variable]}"
    is_secret = variable in _SECRETS or "@" in str(detail["input"])
    shown = "not usable (its value is not shown)" if is_secret else repr(detail["input"])
    inside = ".".join(map(str, detail["loc"][1:]))
    if inside:  # pydantic's own message describes the field of a JSON setting
        return f"{variable}: {inside} is {shown}: {detail['msg'].lower()}. {_HINTS[variable]}"
    return f"{variable} is {shown}, which cannot be used. {_HINTS[variable]}"
