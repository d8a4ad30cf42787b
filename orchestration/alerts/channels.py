"""Channels that alerts are sent to: a webhook, a file, the log.

Which alerts were sent to a channel already is in `deliveries`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import httpx

from orchestration.alerts.events import Alert
from orchestration.errors import AlertError, SettingsError
from orchestration.openrouter.transport import Http
from orchestration.settings import Settings
from orchestration.untrusted import escaped_json

SCHEMA = "routerscope.alerts/1"
_TIMEOUT_SECONDS = 10.0


class Channel(Protocol):
    """Where alerts are sent. Deliveries are recorded under `name`, which contains no secret."""

    name: str

    def send(self, alerts: Sequence[Alert]) -> None:
        """Raises AlertError if the alerts could not be delivered."""


class Webhook:
    """Posts `{"schema", "alerts"}` as JSON. The address is a secret: no name, error or log line contains it."""

    def __init__(self, address: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._address, self._timeout = address, timeout_seconds
        self.name = f"webhook {hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def send(self, alerts: Sequence[Alert]) -> None:
        try:
            with contextlib.closing(Http(self._timeout)) as http:
                response, _ = http.fetch(
                    "POST",
                    self._address,
                    json={"schema": SCHEMA, "alerts": [alert.body() for alert in alerts]},
                    within_seconds=self._timeout,
                    max_bytes=0,  # only the status matters
                )
        except SettingsError as error:
            raise AlertError(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # The error's message and cause are left out, because they may contain the address.
            raise AlertError(f"The webhook did not respond ({type(error).__name__}).") from None
        if not response.is_success:
            raise AlertError(f"The webhook responded with status {response.status_code}.")


class File:
    """Appends to a file, one JSON object per line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file {path}"

    def send(self, alerts: Sequence[Alert]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A killed process may have written half a line and half a character.
            with self._path.open("a+", encoding="utf-8", errors="replace") as file:
                file.seek(0)
                lines = file.readlines()
                # If it was killed before it recorded the delivery, its alerts are in the file already.
                written = {identifier for line in lines if (identifier := _id_in(line))}
                if lines and not lines[-1].endswith("\n"):
                    file.write("\n")
                file.writelines(
                    escaped_json(json.dumps(alert.body(), ensure_ascii=False)) + "\n"
                    for alert in alerts
                    if alert.id not in written
                )
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AlertError(f"{self._path} cannot be written: {error}.") from error


def _id_in(line: str) -> str:
    """The id of the alert in a line; empty if the line is not an alert."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        return str(json.loads(line)["id"])
    return ""


class Log:
    """Writes one line per alert to the caller's log."""

    name = "log"

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log

    def send(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            source = f" {alert.citation} Checked {alert.checked_at}, scope {alert.scope_id}." if alert.citation else ""
            self._log(f"{alert.severity}: {alert.text}{source}")


def configured_channels(settings: Settings, log: Callable[[str], None]) -> list[Channel]:
    """The channels that the settings name; none by default."""
    channels: list[Channel] = []
    if settings.alerts_webhook:
        channels.append(Webhook(settings.alerts_webhook.get_secret_value()))
    if settings.alerts_file:
        channels.append(File(settings.alerts_file))
    if settings.alerts_log:
        channels.append(Log(log))
    return channels
