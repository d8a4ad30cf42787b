"""HTTP within one deadline and one size limit, whatever the peer sends.

httpx's timeouts apply to each read, so a peer that sends a byte a second never meets one, and it unpacks a body before
anybody can measure it. Here one deadline covers connection, headers, redirects and body, and one limit covers the body
as sent and as unpacked. What a status means, and whether to try again, belongs to the callers.
"""

from __future__ import annotations

import gzip
import io
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, BinaryIO

import httpcore
import httpx

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
# A socket with room for anything takes this much at once, so that no write outlasts the deadline piece by piece.
_WRITE_BYTES = 4096
_ENDS_AT: ContextVar[float | None] = ContextVar("ends_at", default=None)


class TooLargeError(Exception):
    """The unpacked bytes exceed the limit."""


class BodyError(Exception):
    """The body exceeds the limit, or has an encoding that was not asked for; status and headers are known."""

    def __init__(self, message: str, response: httpx.Response) -> None:
        super().__init__(message)
        self.response = response


class Http:
    """An HTTP client whose responses are bounded in time and size. Proxies come from the environment, as in httpx.

    A `transport` of one's own answers in this process, so no deadline applies to it.
    """

    def __init__(
        self,
        timeout: httpx.Timeout | float,
        *,
        max_redirects: int = 0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._in_process = transport is not None
        self._max_redirects = max_redirects
        self._http = httpx.Client(
            transport=transport,
            headers={"accept-encoding": "gzip", **(headers or {})},
            timeout=timeout,
            follow_redirects=False,
        )
        for one in (self._http._transport, *self._http._mounts.values()):
            if isinstance(one, httpx.HTTPTransport):  # has no public place for a network backend
                one._pool._network_backend = _Backend(one._pool._network_backend)

    def close(self) -> None:
        self._http.close()

    def fetch(
        self,
        method: str,
        url: str,
        *,
        within_seconds: float,
        max_bytes: int,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> tuple[httpx.Response, bytes]:
        """The response and its unpacked body; with `max_bytes` 0 the body is not read.

        Raises httpx's errors (ReadTimeout once `within_seconds` have passed, DecodingError for a damaged body), and
        BodyError.
        """

        def send() -> tuple[httpx.Response, bytes]:
            request = self._http.build_request(method, url, params=params, headers=headers, json=json)
            return self._follow(request, max_bytes)

        return send() if self._in_process else _within(within_seconds, send)

    def _follow(self, request: httpx.Request, max_bytes: int) -> tuple[httpx.Response, bytes]:
        for _ in range(self._max_redirects + 1):
            response = self._http.send(request, stream=True)
            try:
                body = _read(response, max_bytes) if max_bytes else b""
            finally:
                response.close()
            if response.next_request is None or not self._max_redirects:
                return response, body
            request = response.next_request
        raise httpx.TooManyRedirects(f"more than {self._max_redirects} redirects", request=request)


def _within(seconds: float, call: Callable[[], tuple[httpx.Response, bytes]]) -> tuple[httpx.Response, bytes]:
    """What the call returns, or httpx.ReadTimeout once the seconds have passed.

    It runs in a thread, since resolving a host name has no timeout. Every read and write of it knows the deadline, so
    the thread and its connection end then as well.
    """
    ends_at = time.monotonic() + seconds
    done: Future[tuple[httpx.Response, bytes]] = Future()

    def run() -> None:
        _ENDS_AT.set(ends_at)
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(seconds)
    except (TimeoutError, httpx.TimeoutException) as error:
        if time.monotonic() < ends_at:  # a shorter timeout of httpx
            raise
        raise httpx.ReadTimeout(f"no whole answer within {seconds:g} s") from error


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    """The timeout of one operation, shortened to what the deadline leaves."""
    ends_at = _ENDS_AT.get()
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise error("the deadline has passed")
    return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    """Opens connections on which the deadline of the running request applies."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._backend.connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(buffer[start : start + _WRITE_BYTES], _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """The unpacked body. Raises BodyError, and httpx.DecodingError where it is damaged."""
    sent = response.headers.get("content-encoding", "").lower().split(",")
    encodings = [name.strip() for name in sent if name.strip() not in ("", "identity")]
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        named = ", ".join(encodings)[:80]
        raise BodyError(f"is encoded as {named!a}, where gzip or nothing was asked for", response)
    body = bytearray()
    try:
        for chunk in response.iter_raw():
            body += chunk
            _check_size(body, max_bytes)
        return gunzip(io.BytesIO(body), max_bytes) if encodings else bytes(body)
    except TooLargeError:
        raise BodyError(f"sends more than {max_bytes // 1024**2} MiB", response) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise httpx.DecodingError(str(error), request=response.request) from error


def gunzip(packed: BinaryIO, max_bytes: int) -> bytes:
    """The unpacked bytes; stops unpacking and raises TooLargeError at the limit.

    Raises EOFError, zlib.error or gzip.BadGzipFile (an OSError) for what is damaged.
    """
    content = bytearray()
    with gzip.GzipFile(fileobj=packed) as unpacked:
        while chunk := unpacked.read(_CHUNK_BYTES):
            content += chunk
            _check_size(content, max_bytes)
    return bytes(content)


def _check_size(content: bytearray, max_bytes: int) -> None:
    if len(content) > max_bytes:
        raise TooLargeError
