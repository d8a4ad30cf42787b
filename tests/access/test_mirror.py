"""Commands that read a release in object storage show what they show of the data folder that published it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import CommandLine, Run
from object_server import ObjectServer
from remote_host import Host

from orchestration.storage.remote import Remote


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with ObjectServer() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def credentials(server: ObjectServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def address(server: ObjectServer, sampled: Run) -> str:
    remote = Remote(server.address(), sampled.data)
    remote.push_raw()
    remote.push_release()
    return remote.address


READING = [
    ("query", "from share_author limit 3", "--format", "csv"),
    ("cite", "--check", "leading_model/week/2026-07-27"),
    ("trace", "share_author", "week", "2026-07-27", "anthropic", "--json"),
    ("ask", "1", "--format", "json"),
]


def test_reading_commands_show_the_same(
    address: str, server: ObjectServer, sampled: Run, command_line: CommandLine, tmp_path: Path
) -> None:
    settings = {"XDG_CACHE_HOME": tmp_path}
    for arguments in READING:
        here = command_line(*arguments, "--data", str(sampled.data))
        there = command_line(*arguments, "--remote", address, **settings)
        assert (there.returncode, there.stdout) == (here.returncode, here.stdout), there.stderr
    status = json.loads(command_line("status", "--json", "--remote", address, **settings).stdout)
    assert status["generation"] == sampled.published.resolve().parent.name
    assert "known on the hosts that run" in command_line("status", "--remote", address, **settings).stdout
    server.requests.clear()
    command_line("query", "--remote", address, **settings)
    assert server.requests == ["GET lake/published.json"]


def test_damaged_copy_is_downloaded_again(address: str, command_line: CommandLine, tmp_path: Path) -> None:
    settings = {"XDG_CACHE_HOME": tmp_path}
    assert command_line("query", "--remote", address, **settings).returncode == 0
    [file] = tmp_path.glob("routerscope/*/releases/*/routerscope.duckdb")
    file.write_bytes(b"x")
    assert command_line("query", "--remote", address, **settings).returncode == 0


def test_unusable_address_exits_2(command_line: CommandLine, tmp_path: Path) -> None:
    done = command_line("query", "--remote", "s3://key:secret@bucket/lake")
    assert done.returncode == 2
    assert "secret" not in done.stderr
    done = command_line("query", "--remote", "s3://bucket/lake", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "Use either --data or --remote." in done.stderr


def test_address_without_a_release_is_explained(
    server: ObjectServer, command_line: CommandLine, tmp_path: Path
) -> None:
    empty = server.address()
    done = command_line("status", "--remote", empty, XDG_CACHE_HOME=tmp_path)
    assert done.returncode == 1
    assert f"{empty} has no published release" in done.stderr


def test_rollback_moves_pointer_and_data_folder(
    server: ObjectServer, command_line: CommandLine, tmp_path: Path
) -> None:
    host = Host(server.address(), tmp_path / "data")
    first, second = host.run(1), host.run(2)
    done = command_line("rollback", "--data", str(host.data), ROUTERSCOPE_REMOTE=host.address)
    assert f"Published {first} again, in {host.address} and" in done.stdout
    assert f"{second} was withdrawn" in done.stdout
    reader = Host(host.address, tmp_path / "reader")
    reader.remote().pull_release()
    assert host.published == reader.published == first
