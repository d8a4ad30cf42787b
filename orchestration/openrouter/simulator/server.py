"""The simulator over HTTP, on loopback: any client can be tried on it. What it answers is in `api`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from orchestration.openrouter.simulator.api import Simulator

# Longer than any patient client waits.
_HELD_SECONDS = 60.0


@contextlib.contextmanager
def serve(simulator: Simulator, port: int = 0) -> Iterator[str]:
    """Serve on a port of 127.0.0.1 (0: any free one); gives the base URL, and ends the server on leaving."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the library's name
            try:
                status, headers, body = simulator.answer(
                    "GET", self.path, {k.lower(): v for k, v in self.headers.items()}
                )
            except TimeoutError:
                ended.wait(_HELD_SECONDS)
                self.close_connection = True
                return
            except ConnectionError:
                status, headers, body = 200, {"content-length": "1000"}, b'{"data":[{"simu'
                self.close_connection = True
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: a person reads the client's output."""

    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v1"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
