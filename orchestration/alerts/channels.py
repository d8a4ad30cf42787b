"""Channels that alerts are sent to: a webhook, which may be Slack's, a file, the log.

Which alerts were sent to a channel already is in `deliveries`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import html
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from orchestration.alerts.events import Alert
from orchestration.errors import AlertError, SettingsError, TooManyAlertsError
from orchestration.openrouter.retries import retry_after_seconds
from orchestration.openrouter.transport import BodyError, Http
from orchestration.settings import Settings
from orchestration.untrusted import escaped_json

SCHEMA = "routerscope.alerts/1"
# Slack cuts a longer message.
MAX_SLACK_CHARACTERS = 40_000
_SLACK_HOSTS = {"hooks.slack.com", "hooks.slack-gov.com"}
_TIMEOUT_SECONDS = 10.0
_MAX_WAIT_SECONDS = 3600.0
_MAX_ANSWER_BYTES = 4096
# What Slack answers, such as `invalid_payload`. Other texts may contain the address.
_ERROR_CODE = re.compile(r"[a-z_]{2,40}")
_CUT_ENTITY = re.compile(r"&\w*$")


class Channel(Protocol):
    """Where alerts are sent. Deliveries are recorded under `name`, which contains no secret."""

    name: str

    def send(self, alerts: Sequence[Alert]) -> None:
        """Raises AlertError if the alerts could not be delivered, as TooManyAlertsError if a wait is asked for."""


class Webhook:
    """Posts `{"schema", "alerts"}` as JSON. The address is a secret: no name, error or log line contains it."""

    def __init__(self, address: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._address, self._timeout = address, timeout_seconds
        self.name = f"webhook {hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def send(self, alerts: Sequence[Alert]) -> None:
        self._post({"schema": SCHEMA, "alerts": [alert.body() for alert in alerts]})

    def _post(self, message: Mapping[str, Any], max_answer_bytes: int = 0) -> str:
        """What the webhook answers, which is not read by default. Raises AlertError unless the status is a success."""
        try:
            with contextlib.closing(Http(self._timeout)) as http:
                response, body = http.fetch(
                    "POST", self._address, json=message, within_seconds=self._timeout, max_bytes=max_answer_bytes
                )
        except SettingsError as error:
            raise AlertError(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, BodyError) as error:
            # The error's message and cause are left out, because they may contain the address.
            raise AlertError(f"The webhook did not respond ({type(error).__name__}).") from None
        answer = body.decode(errors="replace").strip()
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = retry_after_seconds(response.headers.get("retry-after"), dt.datetime.now(dt.UTC))
            raise TooManyAlertsError("The webhook responded with status 429.", min(seconds or 0.0, _MAX_WAIT_SECONDS))
        if not response.is_success:
            code = f" and {answer}" if _ERROR_CODE.fullmatch(answer) else ""
            raise AlertError(f"The webhook responded with status {response.status_code}{code}.")
        return answer


class Slack(Webhook):
    """Posts `{"text"}` to an incoming webhook of Slack, with one line for each alert.

    Without Slack's formatting, because names contain its characters, such as `_` and `*`.
    """

    def send(self, alerts: Sequence[Alert]) -> None:
        lines = [_slack_line(alert, MAX_SLACK_CHARACTERS // len(alerts) - 1) for alert in alerts]
        message = {"text": "\n".join(lines), "mrkdwn": False, "unfurl_links": False}
        if self._post(message, _MAX_ANSWER_BYTES) != "ok":
            raise AlertError("Slack did not answer `ok`.")


def _slack_line(alert: Alert, max_characters: int) -> str:
    """An alert in one line of at most so many characters, with `&`, `<` and `>` escaped; the citation is not cut."""
    text = html.escape(f"{alert.severity}: {' '.join(alert.text.split())}", quote=False)
    source = html.escape(_source_of(alert), quote=False)
    room = max_characters - len(source)
    return (text if len(text) <= room else _CUT_ENTITY.sub("", text[: room - 1]) + "…") + source


def _source_of(alert: Alert) -> str:
    return f" {alert.citation} Checked {alert.checked_at}, scope {alert.scope_id}." if alert.citation else ""


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
            self._log(f"{alert.severity}: {alert.text}{_source_of(alert)}")


def configured_channels(settings: Settings, log: Callable[[str], None]) -> list[Channel]:
    """The channels that the settings name; none by default."""
    channels: list[Channel] = []
    if settings.alerts_webhook:
        address = settings.alerts_webhook.get_secret_value()
        channels.append((Slack if urlsplit(address).hostname in _SLACK_HOSTS else Webhook)(address))
    if settings.alerts_file:
        channels.append(File(settings.alerts_file))
    if settings.alerts_log:
        channels.append(Log(log))
    return channels
