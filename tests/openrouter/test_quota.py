"""The client stays within the quota of the API, whatever the number of processes and restarts."""

import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROJECT
from scripted import NOON, ScriptedServer, client_of, failure, success

from orchestration.clock import VirtualClock
from orchestration.errors import QuotaSpentError, RequestLogError, SourceError
from orchestration.openrouter.quota import REQUESTS_PER_DAY, REQUESTS_PER_MINUTE, RequestLog, remaining_today


def test_request_over_the_minute_quota_waits() -> None:
    clock, server = VirtualClock(NOON), ScriptedServer(success())
    client = client_of(server, clock=clock)
    for _ in range(REQUESTS_PER_MINUTE):
        client.get("/datasets/x", needs_key=True)
    assert clock.now() == NOON
    client.get("/datasets/x", needs_key=True)
    assert (clock.now() - NOON).total_seconds() == pytest.approx(60)


def test_keyless_request_costs_no_quota() -> None:
    clock = VirtualClock(NOON)
    client = client_of(ScriptedServer(success()), clock=clock)
    for _ in range(100):
        client.get("/models", with_key=True)
    assert clock.now() == NOON
    assert client.request_log.remaining_today(NOON) == REQUESTS_PER_DAY


def test_daily_quota_resets_at_midnight_utc() -> None:
    clock, server = VirtualClock(NOON), ScriptedServer(success())
    client = client_of(server, clock=clock)
    for _ in range(REQUESTS_PER_DAY):
        client.get("/datasets/x", needs_key=True)
    with pytest.raises(QuotaSpentError, match=r"500 requests .* UTC day is spent.*kept. Run again after midnight"):
        client.get("/datasets/x", needs_key=True)
    assert len(server.requests) == REQUESTS_PER_DAY
    clock.set(NOON.replace(day=23, hour=0))
    client.get("/datasets/x", needs_key=True)


def test_every_attempt_counts_against_the_quota() -> None:
    client = client_of(ScriptedServer(failure(503), failure(503), success()))
    client.get("/datasets/x", needs_key=True)
    assert client.request_log.remaining_today(NOON) == REQUESTS_PER_DAY - 3


def test_request_counts_from_its_response(tmp_path: Path) -> None:
    """The API may count it at any time until then; counted from its start, the next 30 could be sent too early."""
    log = RequestLog(tmp_path / "requests.sqlite")
    request_id, _ = log.reserve(NOON)
    assert request_id is not None
    log.record_response(request_id, NOON + dt.timedelta(seconds=20))
    for _ in range(REQUESTS_PER_MINUTE - 1):
        log.reserve(NOON + dt.timedelta(seconds=21))
    assert log.reserve(NOON + dt.timedelta(seconds=61)) == (None, pytest.approx(19))


def test_quota_survives_a_restart(tmp_path: Path) -> None:
    for _ in range(REQUESTS_PER_MINUTE):
        assert RequestLog(tmp_path / "requests.sqlite").reserve(NOON)[0] is not None
    assert RequestLog(tmp_path / "requests.sqlite").reserve(NOON)[0] is None


def test_quota_is_shared_by_processes(tmp_path: Path) -> None:
    program = (
        "import datetime as dt, sys; from pathlib import Path; from orchestration.openrouter.quota import RequestLog\n"
        "log = RequestLog(Path(sys.argv[1])); now = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)\n"
        "print(sum(log.reserve(now)[0] is not None for _ in range(20)))"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "requests.sqlite")]
    running = [subprocess.Popen(arguments, cwd=PROJECT, stdout=subprocess.PIPE, encoding="utf-8") for _ in range(4)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in running) == REQUESTS_PER_MINUTE


def not_a_database(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def other_tables(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("create table request (something text)")


def torn(path: Path) -> None:
    log = RequestLog(path)
    for number in range(200):
        log.cache(f"url {number}", "etag", b"x" * 200)
    content = bytearray(path.read_bytes())
    content[4096:-4096] = os.urandom(len(content) - 8192)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [not_a_database, other_tables, torn])
def test_damaged_request_log_is_set_aside(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "requests.sqlite"
    damage(path)
    if damage != torn:  # the pages that it reads may be whole
        with pytest.raises(RequestLogError, match=r"cannot be read.*sets a damaged file aside"):
            remaining_today(path, NOON)
    log, lines = RequestLog(path), list[str]()
    log.log = lines.append
    assert log.reserve(NOON)[0] is not None
    [kept] = tmp_path.glob("damaged/*/requests.sqlite")
    [line] = lines
    assert line.startswith(f"{path}, which counts the requests made, was damaged (")
    assert f"is kept as {kept}. The count of the day begins at 0 again" in line
    assert RequestLog(path).remaining_today(NOON) == remaining_today(path, NOON) == REQUESTS_PER_DAY - 1


def test_locked_request_log_is_not_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "requests.sqlite"
    RequestLog(path).reserve(NOON)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **{**more, "timeout": 0}))
        with pytest.raises(RequestLogError, match="locked"):
            RequestLog(path).reserve(NOON)
    assert not (tmp_path / "damaged").exists()


def test_unusable_request_log_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    broken = RequestLog(tmp_path / "a file" / "requests.sqlite")
    message = r"requests.sqlite, which counts the requests made, cannot be used.*delete the file"
    with pytest.raises(RequestLogError, match=message):
        client_of(ScriptedServer(success()), request_log=broken).get("/x", needs_key=True)


def test_unusable_request_log_is_not_a_source_error() -> None:
    """A source that fails costs one surface; without the log, the quota could be exceeded."""
    assert not issubclass(RequestLogError, SourceError)
