"""HTTP within one deadline and one size limit for each response.

httpx's timeouts apply to each read, so a server that sends a byte a second never reaches one, and httpx decompresses a
body before its size can be checked. Here, one deadline covers connection, headers, redirects and body, and one limit
applies to the body both compressed and decompressed. Callers interpret statuses and retry.
"""

from __future__ import annotations

import gzip
import io
import os
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

import httpcore
import httpx

from orchestration.errors import SettingsError

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
# A long write is sent in parts that each get the whole timeout. Parts this small are sent at once, within the deadline.
_WRITE_BYTES = 4096
_MAX_PORT = 65_535
# The end of the running request, in seconds of time.monotonic().
_DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)


class TooLargeError(Exception):
    """The decompressed bytes exceed the limit."""


class BodyError(Exception):
    """The body exceeds the limit or has an unsupported encoding; status and headers are in `response`."""

    def __init__(self, message: str, response: httpx.Response) -> None:
        super().__init__(message)
        self.response = response


class Http:
    """An HTTP client whose responses are bounded in time and size. Proxies come from the environment, as in httpx.

    With a `transport`, responses come from this process, and no deadline applies. Otherwise raises SettingsError if a
    variable of the environment for proxies or certificates cannot be used. `before_request` is called before each
    request, redirects included; if it raises an error, the request is not sent.
    """

    def __init__(
        self,
        timeout: httpx.Timeout | float,
        *,
        max_redirects: int = 0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        before_request: Callable[[], None] | None = None,
    ) -> None:
        self._in_process = transport is not None
        if not self._in_process:
            _check_environment()
        self._max_redirects = max_redirects
        try:
            self._http = httpx.Client(
                transport=transport,
                headers={"accept-encoding": "gzip", **(headers or {})},
                timeout=timeout,
                follow_redirects=False,
                event_hooks={"request": [lambda _: before_request()] if before_request else []},
            )
        except httpx.InvalidURL as error:  # proxies and certificates are checked already
            value = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
            raise SettingsError(
                f"NO_PROXY is {value!r}, which cannot be used: {error}. Nothing was fetched. Set it to host names, "
                "separated by commas, or unset it."
            ) from None
        for mounted in (self._http._transport, *self._http._mounts.values()):
            if isinstance(mounted, httpx.HTTPTransport):  # httpx has no public option for a network backend
                mounted._pool._network_backend = _Backend(mounted._pool._network_backend)

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
        """The response and its decompressed body; with `max_bytes` 0 the body is not read.

        Raises httpx's errors (ReadTimeout once `within_seconds` have passed, DecodingError for a damaged body), and
        BodyError.
        """

        def send() -> tuple[httpx.Response, bytes]:
            request = self._http.build_request(method, url, params=params, headers=headers, json=json)
            return self._follow(request, max_bytes)

        return send() if self._in_process else _call_within(within_seconds, send)

    def _follow(self, request: httpx.Request, max_bytes: int) -> tuple[httpx.Response, bytes]:
        for _ in range(self._max_redirects + 1):
            response = self._send(request)
            try:
                body = _read(response, max_bytes) if max_bytes else b""
            finally:
                response.close()
            if response.next_request is None or not self._max_redirects:
                return response, body
            request = response.next_request
        raise httpx.TooManyRedirects(f"more than {self._max_redirects} redirects", request=request)

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request, stream=True)
        except Exception as error:
            # httpx lets the errors of its SOCKS library through.
            if type(error).__module__.partition(".")[0] == "socksio":
                raise httpx.ProxyError(f"the SOCKS proxy failed: {error}", request=request) from error
            raise


def _check_environment() -> None:
    """Raises SettingsError naming the variable from which httpx cannot take its proxies or certificates.

    Values are not shown, because a proxy's address may contain a password.
    """
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        variable = next((one for one in (name, name.upper()) if os.environ.get(one)), None)
        if variable and not _is_proxy(os.environ[variable]):
            raise SettingsError(
                f"{variable} is not usable (its value is not shown). Nothing was fetched. Set it to the address of a "
                "proxy, such as http://proxy.example:3128 or socks5://127.0.0.1:1080, or unset it."
            )
    for variable, is_usable, expected in (
        ("SSL_CERT_FILE", _has_certificates, "a file of certificates in PEM format"),
        ("SSL_CERT_DIR", _has_a_folder, "a folder of certificates"),
        ("SSLKEYLOGFILE", _is_writable, "a file that can be written"),
    ):
        value = os.environ.get(variable)
        if value and not is_usable(value):
            raise SettingsError(
                f"{variable} is {value!r}, which is not {expected}. Nothing was fetched. Correct it, or unset it."
            )


def _is_proxy(address: str) -> bool:
    try:
        url = httpx.Proxy(address if "://" in address else f"http://{address}").url
        return bool(url.host.encode("idna")) and (url.port or 0) <= _MAX_PORT
    except (httpx.InvalidURL, ValueError):
        return False


def _has_certificates(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        return False
    return True


def _has_a_folder(paths: str) -> bool:
    return any(Path(path).is_dir() for path in paths.split(os.pathsep))


def _is_writable(path: str) -> bool:
    try:
        Path(path).open("ab").close()
    except OSError:
        return False
    return True


def _call_within(seconds: float, call: Callable[[], tuple[httpx.Response, bytes]]) -> tuple[httpx.Response, bytes]:
    """The result of the call. Raises httpx.ReadTimeout once the seconds have passed.

    The call runs in a thread, because resolving a host name has no timeout. Its reads and writes observe the deadline,
    so that the thread and its connection end at the deadline too.
    """
    deadline = time.monotonic() + seconds
    result: Future[tuple[httpx.Response, bytes]] = Future()

    def run() -> None:
        _DEADLINE.set(deadline)
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return result.result(seconds)
    except (TimeoutError, httpx.TimeoutException) as error:
        if time.monotonic() < deadline:  # one of httpx's own, shorter timeouts
            raise
        raise httpx.ReadTimeout(f"no complete response within {seconds:g} s") from error


def _cap_timeout(timeout: float | None, error: type[Exception]) -> float | None:
    """The timeout of one operation, at most the time until the deadline; raises the `error` once that has passed."""
    deadline = _DEADLINE.get()
    if deadline is None:
        return timeout
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise error("the deadline has passed")
    return remaining if timeout is None else min(timeout, remaining)


class _Backend(httpcore.NetworkBackend):
    """Opens connections that observe the deadline of the running request."""

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
        timeout = _cap_timeout(timeout, httpcore.ConnectTimeout)
        try:
            stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as error:  # from Python's encoding of host names, such as that of a redirect
            raise httpcore.ConnectError(f"{host!r} is not a valid host name") from error
        return _Stream(stream)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _cap_timeout(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(buffer[start : start + _WRITE_BYTES], _cap_timeout(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = _cap_timeout(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """The decompressed body. Raises BodyError, and httpx.DecodingError where it is damaged."""
    header = response.headers.get("content-encoding", "").lower().split(",")
    encodings = [name.strip() for name in header if name.strip() not in ("", "identity")]
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        shown = ", ".join(encodings)[:80]
        raise BodyError(f"is encoded as {shown!a}, but only gzip is accepted", response)
    body = bytearray()
    try:
        for chunk in response.iter_raw():
            body += chunk
            _check_size(body, max_bytes)
        return gunzip(io.BytesIO(body), max_bytes) if encodings else bytes(body)
    except TooLargeError:
        raise BodyError(f"sent more than {max_bytes // 1024**2} MiB, far more than expected", response) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise httpx.DecodingError(str(error), request=response.request) from error


def gunzip(compressed: BinaryIO, max_bytes: int) -> bytes:
    """The decompressed bytes; stops and raises TooLargeError at the limit.

    Raises EOFError, zlib.error or gzip.BadGzipFile (an OSError) for damaged data.
    """
    content = bytearray()
    with gzip.GzipFile(fileobj=compressed) as reader:
        while chunk := reader.read(_CHUNK_BYTES):
            content += chunk
            _check_size(content, max_bytes)
    return bytes(content)


def _check_size(content: bytearray, max_bytes: int) -> None:
    if len(content) > max_bytes:
        raise TooLargeError
