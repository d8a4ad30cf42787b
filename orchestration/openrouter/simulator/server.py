"""The simulator over HTTP on the loopback interface, for any client. `api` makes its responses."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from orchestration.openrouter.simulator.api import Simulator

# A simulated timeout: longer than any client waits for a response.
_TIMEOUT_SECONDS = 60.0


@contextlib.contextmanager
def serve(simulator: Simulator, port: int = 0) -> Iterator[str]:
    """Serve on a port of 127.0.0.1 (0: any free one). Yields the base URL; the server stops when the context ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are two packets; otherwise the second waits 40 ms for the first to be acknowledged.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:  # the name that http.server requires
            try:
                request_headers = {name.lower(): value for name, value in self.headers.items()}
                status, headers, body = simulator.handle("GET", self.path, request_headers)
            except TimeoutError:
                stopping.wait(_TIMEOUT_SECONDS)
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
            """Log nothing: the output belongs to the client."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # a client that has gone is no error
                super().handle_error(request, client_address)

    stopping = threading.Event()
    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v1"
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
