"""HTTP is bounded in time and size, over real connections."""

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scripted import ScriptedServer, client_of, success

from orchestration.alerts.channels import Webhook
from orchestration.errors import AlertError, ResponseError, SettingsError, SourceError
from orchestration.openrouter import client as client_module
from orchestration.openrouter import retries
from orchestration.openrouter.client import Client


@pytest.fixture
def start_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Starts a server on loopback that passes each connection to a function; returns its base URL."""
    open_sockets: list[socket.socket] = []

    def listen(serve: Callable[[socket.socket], None]) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        open_sockets.append(server)

        def run() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        serve(connection)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"

    yield listen
    for server in open_sockets:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def head(length: int, status: str = "200 OK", headers: str = "") -> bytes:
    # The server answers once per connection: a client that does not know would reuse the connection while it closes.
    return f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n".encode()


def redirect_to(location: str) -> bytes:
    return head(0, "302 Found", f"location: {location}\r\n")


def test_truncated_body_is_retried(start_server: Any) -> None:
    bodies = [b'{"da', b'{"data": [1]}']
    url = start_server(lambda connection: connection.sendall(head(13) + bodies.pop(0)))
    assert Client(url).get("/models").payload == b'{"data": [1]}'


def test_slow_body_ends_at_the_deadline(start_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_SECONDS", 0.3)
    monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)

    def drip(connection: socket.socket) -> None:
        connection.sendall(head(1000))
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)

    started = time.monotonic()
    with pytest.raises(SourceError, match="no complete response within"):
        Client(start_server(drip)).get("/models")
    assert time.monotonic() - started < 3


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
    for _ in range(200):
        connection.sendall(b"a")
        time.sleep(0.02)


def test_slow_headers_end_at_the_deadline(start_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_SECONDS", 0.3)
    monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)
    dropped = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            drip_headers(connection)
        except OSError:
            dropped.set()

    started = time.monotonic()
    with pytest.raises(SourceError, match=r"no complete response within 0.3 s"):
        Client(start_server(drip)).get("/models")
    assert time.monotonic() - started < 2
    assert dropped.wait(2)  # the connection and its thread end at the deadline


def test_deadline_covers_all_redirects(start_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_SECONDS", 0.4)
    monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)

    def redirect(connection: socket.socket) -> None:
        time.sleep(0.25)
        connection.sendall(redirect_to("/api/v1/models"))

    with pytest.raises(SourceError, match=r"no complete response within 0.4 s"):
        Client(start_server(redirect)).get("/models")


def test_server_with_slow_headers_is_unreachable(start_server: Any) -> None:
    started = time.monotonic()
    assert not Client(start_server(drip_headers)).is_reachable(0.3)
    assert time.monotonic() - started < 2


def test_webhook_is_bounded_in_time_and_size(start_server: Any) -> None:
    started = time.monotonic()
    with pytest.raises(AlertError, match=r"\(ReadTimeout\)"):
        Webhook(start_server(drip_headers), 0.3).send([])

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b" " * 65536)

    Webhook(start_server(endless), 1).send([])
    assert time.monotonic() - started < 2


BOMB = gzip.compress(bytes(64 * 1024 * 1024), 9, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body", "message"),
    [
        ("gzip", BOMB, "sent more than 1 MiB"),
        ("gzip", BOMB * 2, "sent more than 1 MiB"),
        ("gzip, gzip", gzip.compress(BOMB, mtime=0), "is encoded as 'gzip, gzip', but only gzip is accepted"),
        ("br", b"{}", "is encoded as 'br'"),
        ("identity", bytes(2 * 1024 * 1024), "sent more than 1 MiB"),
    ],
)
def test_body_size_is_bounded_before_and_after_gzip(
    start_server: Any, monkeypatch: pytest.MonkeyPatch, encoding: str, body: bytes, message: str
) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    headers = head(len(body), headers=f"content-encoding: {encoding}\r\n")
    client = Client(start_server(lambda connection: connection.sendall(headers + body)))
    tracemalloc.start()
    try:
        with pytest.raises(ResponseError, match=message):
            client.get("/models")
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


GZIPPED = gzip.compress(b'{"data": ', mtime=0) + gzip.compress(b"[1]}", mtime=0)  # two members are one body


@pytest.mark.parametrize(
    "damaged",
    [GZIPPED[:-1], GZIPPED[:20], GZIPPED[:20] + b"????" + GZIPPED[24:], b"no gzip"],
    ids=["without the last byte", "truncated", "changed", "not gzip"],
)
def test_damaged_gzip_is_retried(damaged: bytes) -> None:
    server = ScriptedServer((200, {"content-encoding": "gzip"}, damaged), (200, {"content-encoding": "GZIP"}, GZIPPED))
    assert client_of(server).get("/models").payload == b'{"data": [1]}'
    assert len(server.requests) == 2


def test_error_in_an_unexpected_encoding_keeps_its_status() -> None:
    server = ScriptedServer((503, {"content-encoding": "br"}, b"?"), success())
    client_of(server).get("/models")
    assert len(server.requests) == 2


def test_silent_server_is_unreachable(start_server: Any) -> None:
    started = time.monotonic()
    assert not Client(start_server(lambda _: time.sleep(1.5))).is_reachable(0.5)
    assert time.monotonic() - started < 1.2


def test_any_response_makes_a_server_reachable(start_server: Any) -> None:
    url = start_server(lambda connection: connection.sendall(head(0, "503 Busy")))
    assert Client(url).is_reachable(2)
    assert not Client("http://127.0.0.1:9/api/v1").is_reachable(2)


PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def bare_network(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies and certificates."""
    for name in (*PROXY_VARIABLES, *map(str.upper, PROXY_VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://[::1"),
        ("https_proxy", "ftp://proxy:21"),
        ("HTTP_PROXY", "http://"),
        ("ALL_PROXY", "proxy:port"),
        ("ALL_PROXY", "socks5://proxy:99999"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
        ("SSL_CERT_FILE", __file__),
        ("SSL_CERT_DIR", "/nowhere"),
        ("SSLKEYLOGFILE", "/nowhere/keys"),
    ],
)
def test_unusable_network_setting_is_named(bare_network: pytest.MonkeyPatch, variable: str, value: str) -> None:
    bare_network.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"^{variable} is .*Nothing was fetched\..*unset it\.$"):
        Client()
    with pytest.raises(AlertError, match=variable):
        Webhook("https://example.org").send([])


def test_password_of_a_proxy_is_not_shown(bare_network: pytest.MonkeyPatch) -> None:
    bare_network.setenv("HTTPS_PROXY", "http://user:secret@proxy:port")
    with pytest.raises(SettingsError) as raised:
        Client()
    assert "secret" not in str(raised.value)


def test_socks_proxy_is_used(bare_network: pytest.MonkeyPatch) -> None:
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with server.accept()[0] as connection:
                received.append(connection.recv(16))

        threading.Thread(target=accept, daemon=True).start()
        bare_network.setenv("ALL_PROXY", f"socks5://127.0.0.1:{server.getsockname()[1]}")
        assert not Client("http://example.invalid").is_reachable(2)
    assert received == [b"\x05\x01\x00"]  # version 5 and one method: no authentication


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "xn--n3h.net"])
def test_host_that_idna_refuses_is_a_settings_error(host: str) -> None:
    with pytest.raises(SettingsError, match=r"ROUTERSCOPE_BASE_URL is .*not a valid name"):
        Client(f"https://{host}/api/v1")


def test_redirect_to_an_invalid_host_is_not_followed(start_server: Any) -> None:
    redirect = redirect_to("http://a..b/")
    assert not Client(start_server(lambda connection: connection.sendall(redirect))).is_reachable(2)
