"""A client of a scripted server: it returns prepared responses and records the requests."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from orchestration.clock import VirtualClock
from orchestration.openrouter.client import Client

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
KEY = "sk-or-v1-very-secret"
RawResponse = tuple[int, dict[str, str], bytes]


class ScriptedServer:
    """Returns the given responses in order, the last one to all further requests. An exception is raised instead."""

    def __init__(self, *responses: RawResponse | Exception | Callable[[str], RawResponse]) -> None:
        self._responses = list(responses)
        self.requests: list[tuple[str, Mapping[str, str]]] = []  # path with query, and headers

    def __call__(self, method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        assert method == "GET"
        self.requests.append((target, dict(headers)))
        response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        if isinstance(response, Exception):
            raise response
        return response(target) if callable(response) else response


def success(body: Any = None, **headers: str) -> RawResponse:
    return 200, headers, json.dumps({"data": []} if body is None else body).encode()


def failure(status: int, message: str = "no", **headers: str) -> RawResponse:
    """The API's error object."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, names, json.dumps({"error": {"code": status, "message": message}}).encode()


def client_of(server: ScriptedServer, key: str | None = KEY, clock: VirtualClock | None = None, **more: Any) -> Client:
    secret = SecretStr(key) if key else None
    return Client("https://source.example/api/v1", secret, clock=clock or VirtualClock(NOON), handler=server, **more)
