"""Object storage over broken connections and with refused requests: plain errors in time, without a secret."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from object_server import KEY, SECRET, Fault, ObjectServer, Proxy

from orchestration.errors import RemoteError, SettingsError
from orchestration.storage import objects
from orchestration.storage.objects import Objects


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with ObjectServer() as running:
        yield running


@pytest.fixture
def address(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(objects, "MAX_RETRIES", 1)
    monkeypatch.setattr(objects, "REQUEST_TIMEOUT_SECONDS", 1)
    server.hook = lambda *_: None
    return server.address()


def test_object_is_written_if_its_version_is_unchanged(address: str) -> None:
    remote = Objects(address)
    assert remote.get("key") is None
    first = remote.put_if("key", b"1", None)
    assert first is not None
    assert remote.put_if("key", b"2", None) is None
    second = remote.put_if("key", b"2", first)
    assert second is not None
    assert remote.put_if("key", b"3", first) is None
    found = remote.get("key")
    assert found is not None
    assert (found.content, found.version) == (b"2", second)


def test_large_file_appears_as_a_whole(address: str, server: ObjectServer, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(11_000_000))
    server.hook = lambda when, number, _: "AccessDenied" if (when, number) == ("before", 3) else None
    remote = Objects(address)
    with pytest.raises(RemoteError, match="AccessDenied"):
        remote.put_many({"key": path}, lambda _: None)
    assert remote.list("") == {}
    server.hook = lambda *_: None
    remote.put_many({"key": path}, lambda _: None)
    assert remote.list("") == {"key": 11_000_000}
    received = dict[str, bytes]()
    remote.get_many(["key"], received.__setitem__)
    assert received["key"] == path.read_bytes()


def test_missing_object_of_many_is_named(address: str) -> None:
    with pytest.raises(RemoteError, match=f"{address}/key does not exist, although it is listed"):
        Objects(address).get_many(["key"], lambda *_: None)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", "AccessDenied, status 403. Its credentials need the permissions to list, read, write"),
        ("InvalidAccessKeyId", "InvalidAccessKeyId, status 403. Check the credentials in the environment"),
        ("SlowDown", "SlowDown, status 503. Check the address"),
        ("drop", "the connection failed. Check the address, its endpoint and the network"),
    ],
)
def test_refused_request_is_explained_without_secrets(
    address: str, server: ObjectServer, code: str, words: str
) -> None:
    server.hook = lambda *_: code
    remote = Objects(address)
    for done, request in (
        ("read", lambda: remote.get("key")),
        ("listed", lambda: remote.list("key")),
        ("written", lambda: remote.put_if("key", b"", None)),
        ("deleted", lambda: remote.delete(["key"])),
    ):
        with pytest.raises(RemoteError) as raised:
            request()
        assert str(raised.value).startswith(f"{address}/key could not be {done}: ")
        assert words in str(raised.value)
        shown = repr((raised.value, raised.value.__cause__, raised.value.__context__))
        assert not any(secret in shown for secret in (KEY, SECRET, "StringToSign"))


@pytest.mark.usefixtures("address")
def test_missing_bucket_is_named() -> None:
    for request in (lambda remote: remote.get("key"), lambda remote: remote.list("raw")):
        with pytest.raises(RemoteError, match=r"^s3://nowhere/lake/.* NoSuchBucket.* The bucket does not exist\."):
            request(Objects("s3://nowhere/lake"))


@pytest.mark.parametrize("fault", ["cut", "reset", "stall"])
def test_broken_connection_is_retried(
    address: str, server: ObjectServer, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    with Proxy(server.port, fault, 100, is_permanent=False) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        assert Objects(address).list("") == {}


def test_server_that_never_answers_ends_in_time(
    address: str, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(server.port, "stall", 0, is_permanent=True) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        started = time.monotonic()
        with pytest.raises(RemoteError, match="there was no answer in time"):
            Objects(address).list("")
    assert time.monotonic() - started < 10  # two tries of a second


def test_interrupt_ends_a_transfer_at_once(address: str, server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "REQUEST_TIMEOUT_SECONDS", 60)
    with Proxy(server.port, "stall", 0, is_permanent=True) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        started = time.monotonic()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        try:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            with pytest.raises(KeyboardInterrupt):
                Objects(address).get_many(["a", "b"], lambda *_: None)
        finally:
            signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 10


def test_running_event_loop_is_left_alone(address: str) -> None:
    async def in_a_notebook() -> bool:
        return Objects(address).get("missing") is None

    # A thread of its own, because a browser's test may have left a running event loop in this one.
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(asyncio.run, in_a_notebook()).result()


def test_setting_that_cannot_be_used_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "no base64!")
    with pytest.raises(SettingsError, match=r"az://container/lake cannot be opened: .*Check the address") as raised:
        Objects("az://container/lake")
    assert "no base64!" not in str(raised.value)


def test_missing_package_is_named_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(SettingsError, match=r"obstore is not installed.* -m pip install 'obstore"):
        Objects("s3://bucket/lake")


def test_obstore_is_not_imported_without_an_address() -> None:
    # The import contracts say that no other module imports it.
    code = "import sys, orchestration.storage.objects; print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout == "False\n"
