"""Object storage for tests: moto's S3 server on loopback, and a proxy before it that breaks connections.

    with ObjectServer() as server: ...      address() is s3://<new bucket>/lake, environment() has endpoint and keys

moto checks `If-Match` and `If-None-Match` when an object is written, but no keys: a layer before it refuses other keys.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from typing import Any, Literal

import httpx
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

KEY, SECRET = "AKIATESTKEY", "a-secret-of-forty-characters-for-testing"
Moment = Literal["before", "after"]
Hook = Callable[[Moment, int, str], str | None]

_ERROR = (
    '<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message>'
    f"<AWSAccessKeyId>{KEY}</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 {KEY}</StringToSign></Error>"
)
_STATUS = {
    "AccessDenied": "403 Forbidden",
    "InvalidAccessKeyId": "403 Forbidden",
    "SlowDown": "503 Slow Down",
}


class ObjectServer:
    """`hook` is called before and after each request with its number and text, such as `PUT lake/raw/KIND`.

    It may return the code of an error to answer, or `drop` to close the connection without an answer. A server that is
    not conditional ignores `If-Match`.
    """

    def __init__(self, is_conditional: bool = True) -> None:
        from moto.moto_server import werkzeug_app as moto  # takes half a second to import

        self.is_conditional = is_conditional
        self.hook: Hook = lambda *_: None
        self.requests: list[str] = []
        self._buckets = itertools.count(1)
        self._counting = threading.Lock()
        self._moto = moto.DomainDispatcherApplication(moto.create_backend_app)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=moto.MotoRequestHandler)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> ObjectServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def environment(self, port: int | None = None) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def address(self) -> str:
        """The address of a folder in a new bucket."""
        bucket = f"bucket-{self.port}-{next(self._buckets)}"
        credential = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request"
        url = f"http://127.0.0.1:{self.port}/{bucket}"
        httpx.put(url, headers={"Authorization": credential}).raise_for_status()
        self.requests.clear()
        return f"s3://{bucket}/lake"

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        text = f"{environ['REQUEST_METHOD']} {key or environ['QUERY_STRING']}"
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if not self.is_conditional:
            environ.pop("HTTP_IF_MATCH", None)
        with self._counting:
            number = len(self.requests)
            self.requests.append(text)
        problem = self.hook("before", number, text)
        if f"Credential={KEY}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            problem = "InvalidAccessKeyId"
        if not problem:
            answer, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
            problem = self.hook("after", number, text)
        if problem == "drop":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        if problem:
            start_response(_STATUS[problem], [("Content-Type", "application/xml")])
            return [_ERROR.format(code=problem).encode()]
        start_response(status, list(headers))
        return answer


def kill_at(process: Callable[[], int], moment: Moment, number: int) -> Hook:
    """A hook that kills a process before or after the request with this number."""

    def hook(when: Moment, count: int, _: str) -> str | None:
        if (when, count) != (moment, number):
            return None
        os.kill(process(), signal.SIGKILL)
        return "drop"

    return hook


Fault = Literal["cut", "reset", "stall"]


class Proxy:
    """A TCP proxy that breaks the connection over which the byte with this number passes, in either direction.

    With `is_permanent`, it breaks every later connection at once.
    """

    def __init__(self, target: int, fault: Fault, byte: int, is_permanent: bool) -> None:
        self._target, self._fault, self._left, self._is_permanent = target, fault, byte, is_permanent
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self.passed = 0

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(65_536):
                if (allowed := self._allow(len(chunk))) == len(chunk):
                    sink.sendall(chunk)
                    continue
                sink.sendall(chunk[:allowed])
                if self._fault == "stall":
                    return
                for one in (source, sink):
                    if self._fault == "reset":
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        one.close()
                    else:
                        one.shutdown(socket.SHUT_RDWR)
                return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _allow(self, size: int) -> int:
        """How many of the next bytes pass."""
        with self._lock:
            allowed = size if self._left is None else min(size, self._left)
            self.passed += allowed
            if self._left is not None:
                self._left -= allowed
                if allowed < size and not self._is_permanent:
                    self._left = None  # later connections work
        return allowed
