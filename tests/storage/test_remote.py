"""Hosts that share a lake through object storage: in turn, at once, interrupted at every step, with damaged objects."""

import datetime as dt
import itertools
import json
import multiprocessing
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from object_server import SECRET, Fault, Moment, ObjectServer, Proxy, kill_at
from remote_host import Host, run_in_process

from orchestration.errors import ConflictError, LakeError, RemoteError, WarehouseError
from orchestration.storage import objects
from orchestration.storage.objects import Objects
from orchestration.storage.pointer import Pointer


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with ObjectServer() as running:
        yield running


@pytest.fixture
def address(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(objects, "MAX_RETRIES", 0)
    server.hook = lambda *_: None
    return server.address()


@pytest.fixture
def one(address: str, tmp_path: Path) -> Host:
    return Host(address, tmp_path / "one")


@pytest.fixture
def other(address: str, tmp_path: Path) -> Host:
    return Host(address, tmp_path / "other")


def pointer(address: str) -> Pointer:
    found = Objects(address).get("published.json")
    assert found is not None
    return Pointer.parse(found.content, "pointer")


def published_at(address: str) -> str:
    """The published release; empty if there is none."""
    return pointer(address).release if Objects(address).get("published.json") else ""


def put(address: str, key: str, content: bytes, folder: Path) -> None:
    (folder / "object").write_bytes(content)
    Objects(address).put_many({key: folder / "object"}, lambda _: None)


def test_hosts_in_turn_share_one_lake(one: Host, other: Host) -> None:
    first = one.run(1)
    second = other.run(2)
    assert len(other.contents()) == 2
    third = one.run(3)
    assert other.run() == third
    assert one.state() == other.state()
    assert len(one.contents()) == 3
    assert one.state()[1] == [f"{name}.parquet" for name in (first, second, third)]


def test_run_needs_no_disk_that_outlives_it(one: Host) -> None:
    one.run(1)
    before = one.state()
    shutil.rmtree(one.data)
    one.remote().pull("real")
    assert one.state() == before


def test_run_without_news_sends_nothing(one: Host, server: ObjectServer) -> None:
    one.run(1)
    server.requests.clear()
    one.run()
    assert [request for request in server.requests if not request.startswith("GET ")] == []


def test_second_of_two_hosts_at_once_loses(one: Host, other: Host) -> None:
    one.run(1)
    late = other.remote()
    late.pull("real")
    winner = one.run(2)
    other.observe(3)
    late.push_raw()
    loser = other.publish()
    with pytest.raises(ConflictError, match=rf"it is now {winner}\. .* {loser}, is published in .* only\. Run again"):
        late.push_release()
    assert pointer(one.address).release == winner
    assert other.published == loser
    other.run()
    assert len(other.contents()) == 3, "the next run builds from the raw files of both"
    assert pointer(one.address).release == other.published


def test_first_two_hosts_at_once_do_not_replace_each_other(one: Host, other: Host) -> None:
    late = other.remote()
    late.pull("real")
    winner = one.run(1)
    other.observe(2)
    late.push_raw()
    other.publish()
    with pytest.raises(ConflictError, match=winner):
        late.push_release()
    assert pointer(one.address).release == winner


def test_lost_answer_of_the_pointer_is_no_conflict(one: Host, server: ObjectServer) -> None:
    server.hook = lambda when, _, text: "drop" if (when, text) == ("after", "PUT lake/published.json") else None
    assert one.run(1) == pointer(one.address).release


def test_older_release_does_not_replace_a_newer_one(one: Host, other: Host) -> None:
    one.run(1)
    late = other.remote()
    late.pull("real")
    with pytest.raises(RemoteError, match=r"named earlier than .* Set the clock of this machine right"):
        other.run(2, name="20200101T000000.000000Z")
    assert pointer(one.address).release == one.published


def test_pointer_follows_the_upload_of_every_file(one: Host, server: ObjectServer) -> None:
    one.run(1)
    sent = [text for text in server.requests if text.startswith("PUT")]
    assert sent[-1] == "PUT lake/published.json"
    assert sent[-2].startswith("PUT lake/claim_history/")
    assert server.requests[-1].startswith("GET ")  # the list for pruning


def test_release_that_arrived_short_is_not_published(one: Host, server: ObjectServer, tmp_path: Path) -> None:
    one.run(1)
    before = pointer(one.address)

    def shorten(when: str, _: int, text: str) -> None:
        if when == "after" and text.startswith("PUT lake/claim_history"):
            raise AssertionError("the history is uploaded after the release was verified")
        if when == "after" and text.endswith("index.html"):
            server.hook = lambda *_: None
            put(one.address, text.removeprefix("PUT lake/"), b"<p", tmp_path)

    server.hook = shorten
    with pytest.raises(RemoteError, match=r"index\.html does not have the size of the uploaded file"):
        one.run(2)
    assert pointer(one.address) == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("raw/rankings/", "its bytes do not have the hash in its name. It was not stored"),
        ("claim_history/", "does not have the size and SHA-256"),
        ("published.json", "it does not describe a release"),
        ("raw/KIND", "neither real nor simulated"),
    ],
)
def test_damaged_object_is_named_and_not_stored(one: Host, other: Host, tmp_path: Path, key: str, words: str) -> None:
    one.run(1)
    [damaged] = [name for name in Objects(one.address).list("") if name.startswith(key)]
    put(one.address, damaged, b"x", tmp_path)
    with pytest.raises(RemoteError) as raised:
        other.run(2)
    assert str(raised.value).startswith(f"{one.address}/{damaged} is damaged: ")
    assert words in str(raised.value)
    assert not (other.data / damaged).exists()


def test_damaged_release_stops_readers_but_no_run(one: Host, other: Host, tmp_path: Path) -> None:
    release = one.run(1)
    put(one.address, f"releases/{release}/report/index.html", b"x", tmp_path)
    with pytest.raises(RemoteError, match=rf"releases/{release}/report/index\.html is damaged"):
        other.remote().pull_release()
    assert not other.releases.published.exists()
    other.run(2)
    assert len(other.contents()) == 2
    assert any("was not copied" in line for line in other.log)


def test_intact_host_restores_a_shortened_raw_object(one: Host, other: Host, tmp_path: Path) -> None:
    one.run(1)
    [raw] = [name for name in Objects(one.address).list("raw") if name.endswith(".parquet")]
    put(one.address, raw, b"x", tmp_path)
    one.run()
    other.run()
    assert len(other.contents()) == 1


def test_damaged_raw_file_is_never_pushed(one: Host) -> None:
    path = one.observe(1)
    assert path is not None
    path.write_bytes(b"x")
    with pytest.raises(LakeError, match=f"{path.name} is damaged.*was not copied"):
        one.remote().push_raw()
    assert Objects(one.address).list("raw") == {}


def test_path_outside_the_release_is_refused(one: Host, other: Host, tmp_path: Path) -> None:
    one.run(1)
    document = json.loads(pointer(one.address).as_json())
    files = document["releases"][document["release"]]
    for path in ("../../evil", "/etc/evil", "a/../../evil", "a//b", "line\nbreak"):
        document["releases"][document["release"]] = {path: next(iter(files.values()))}
        put(one.address, "published.json", json.dumps(document).encode(), tmp_path)
        with pytest.raises(RemoteError, match="it does not describe a release"):
            other.remote().pull("real")


def test_other_kind_of_data_is_refused_before_any_write(one: Host, other: Host) -> None:
    one.run(1)
    with pytest.raises(LakeError, match="holds real data and refuses simulated data"):
        other.remote().pull("simulated")
    assert not other.data.exists()
    other.observe(1, "simulated")
    with pytest.raises(LakeError, match="holds real data and refuses simulated data"):
        other.remote().pull()


def test_kind_is_created_by_one_host_only(one: Host, other: Host) -> None:
    late = other.remote()
    late.pull("simulated")
    one.run(1)
    other.observe(2, "simulated")
    with pytest.raises(LakeError, match="holds real data and refuses simulated data"):
        late.push_raw()
    assert len(Objects(one.address).list("raw")) == 2  # the kind and one file


def test_server_without_conditional_writes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ObjectServer(is_conditional=False) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        host = Host(server.address(), tmp_path / "host")
        with pytest.raises(RemoteError, match=r"ignores conditions on writes \(If-Match\)"):
            host.run(1)
        assert Objects(host.address).list("") == {}


def test_rollback_moves_the_pointer_of_every_host(one: Host, other: Host) -> None:
    first = one.run(1)
    second = one.run(2)
    other.remote().pull("real")
    assert other.remote().rollback() == (second, first)
    assert pointer(one.address).release == other.published == first
    one.remote().pull("real")
    assert one.published == first
    assert [path.name for path in one.releases.list()] == [first]
    with pytest.raises(WarehouseError, match="There is no release before"):
        one.remote().rollback()
    third = other.run(3)
    assert one.run() == third
    assert one.remote().rollback() == (third, first), "no rollback returns to a withdrawn release"


def test_old_releases_are_deleted_after_the_grace_period(one: Host, tmp_path: Path) -> None:
    old = [f"2020010{day}T000000.000000Z" for day in range(1, 6)]
    for number, name in enumerate(old):
        one.run(number, name)
    put(one.address, "releases/20200107T000000.000000Z/half", b"x", tmp_path)
    put(one.address, "releases/README", b"not ours", tmp_path)
    assert list(pointer(one.address).releases) == old[-3:]
    newest = one.run(9)
    kept = {key.split("/")[1] for key in Objects(one.address).list("releases")}
    # The third newest was replaced a moment ago, so its readers may still be downloading.
    assert kept == {*old[-2:], newest, "README"}


def test_release_stays_for_a_day_after_it_was_replaced() -> None:
    def name(day: int) -> str:
        return f"202601{day:02}T000000.000000Z"

    held = Pointer(name(5), {name(day): {} for day in range(1, 6)})
    replaced_before = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    assert list(held.pruned(1, replaced_before).releases) == [name(day) for day in range(1, 6)]
    replaced_before += dt.timedelta(seconds=1)
    assert list(held.pruned(1, replaced_before).releases) == [name(day) for day in range(2, 6)]
    replaced_before += dt.timedelta(days=30)
    assert list(held.pruned(2, replaced_before).releases) == [name(4), name(5)]


def test_pointer_of_a_newer_version_is_refused() -> None:
    with pytest.raises(RemoteError, match="written by a newer version of Routerscope"):
        Pointer.parse(b'{"schema_version": 2}', "x")


def test_pruning_without_permission_is_no_failure(one: Host, server: ObjectServer) -> None:
    one.run(1, "20200101T000000.000000Z")
    for number in range(2, 5):
        one.run(number, f"2020010{number}T000000.000000Z")
    server.hook = lambda _, __, text: "AccessDenied" if text.startswith("POST") else None
    one.run(9)
    assert any("Old releases were not deleted" in line for line in one.log)


def test_transfer_reports_files_and_bytes(one: Host, other: Host) -> None:
    one.run(1)
    other.run()
    assert "Pushed 1 of 1 raw files, 0.0 of 0.0 MB" in one.log
    assert "Pulled 1 of 1 raw files, 0.0 of 0.0 MB" in other.log


def test_full_disk_keeps_complete_files_only(one: Host, other: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        one.observe(number)
    one.run()
    written = []

    def write(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)

    with monkeypatch.context() as full:
        full.setattr("orchestration.storage.remote.write_atomically", write)
        with pytest.raises(OSError, match="No space left on device"):
            other.run()
    assert len(other.lake.files("*")) == 2
    other.run()
    assert len(other.contents()) == 3


def check_after_fault(host: Host, old: str, folder: Path) -> str:
    """Which release is published after a fault, old or new. The next run must complete, and nothing may be lost."""
    now = published_at(host.address)
    assert now in (old, host.published)
    if now:
        reader = Host(host.address, folder / "reader")
        reader.remote().pull_release()
        assert reader.published == now
    raw = set(host.lake.files("*"))
    host.run(2)
    assert raw <= set(host.lake.files("*"))
    assert published_at(host.address) == host.published
    fresh = Host(host.address, folder / "fresh")
    fresh.remote().pull("real")
    assert fresh.state() == host.state()
    assert fresh.contents() == fresh.state()[0]
    return "old" if now == old else "new"


WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["remote_host", "obstore.store"])


@pytest.mark.usefixtures("address")
@pytest.mark.parametrize(
    ("moment", "is_first"),
    [
        ("before", False),
        pytest.param("after", False, marks=pytest.mark.long),
        pytest.param("before", True, marks=pytest.mark.long),
        pytest.param("after", True, marks=pytest.mark.long),
    ],
)
def test_run_killed_at_any_step_leaves_a_whole_release(
    server: ObjectServer, tmp_path: Path, moment: Moment, is_first: bool
) -> None:
    """Killed at each of its requests: the pointer is the old or the new one, and the next run completes."""
    outcomes: list[str] = []
    while True:
        number = len(outcomes)
        host = Host(server.address(), tmp_path / f"host{number}")
        old = "" if is_first else host.run(1)
        if not is_killed_at(host, server, moment, number):
            break
        outcomes.append(check_after_fault(host, old, tmp_path / f"reader{number}"))
    # The pointer changes with its own write, which only the list for pruning follows.
    after_pointer = 1 if moment == "before" else 2
    assert outcomes == ["old"] * (len(outcomes) - after_pointer) + ["new"] * after_pointer
    assert len(outcomes) == (17 if is_first else 10)


def is_killed_at(host: Host, server: ObjectServer, moment: Moment, number: int) -> bool:
    """Start a run in a process of its own and kill it at a request; returns whether it made that request."""
    process = WORKERS.Process(target=run_in_process, args=(server.environment(), host.address, host.data, 2))
    started = [0]
    server.requests.clear()
    server.hook = kill_at(lambda: started[0], moment, number)
    process.start()
    started[0] = process.pid or 0
    process.join(60)
    server.hook = lambda *_: None
    assert process.exitcode in (0, -9), process.exitcode
    return process.exitcode == -9


@pytest.mark.long
@pytest.mark.usefixtures("address")
@pytest.mark.parametrize("fault", ["cut", "reset", "stall"])
@pytest.mark.parametrize("is_permanent", [False, True], ids=["once", "permanently"])
def test_connection_broken_at_many_bytes_tears_nothing(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, is_permanent: bool
) -> None:
    monkeypatch.setattr(objects, "REQUEST_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(objects, "MAX_RETRIES", 1)
    outcomes = Counter[str]()
    for number, byte in enumerate(range(50, 30_000, 750)):
        host = Host(server.address(), tmp_path / f"host{number}")
        old = host.run(1)
        with Proxy(server.port, fault, byte, is_permanent) as proxy, monkeypatch.context() as broken:
            broken.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            try:
                host.run(2)
                ended = "succeeded"
            except RemoteError:
                ended = "failed"
            is_hit = proxy.passed >= byte
        outcomes[f"{ended}, {check_after_fault(host, old, tmp_path / f'reader{number}')}"] += is_hit
    assert sum(outcomes.values()) >= 20


@pytest.mark.long
@pytest.mark.usefixtures("address")
@pytest.mark.parametrize("code", ["drop", "AccessDenied", "SlowDown"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("is_first", [False, True], ids=["later run", "first run"])
def test_request_refused_at_any_step_tears_nothing(
    server: ObjectServer, tmp_path: Path, moment: Moment, code: str, is_first: bool
) -> None:
    outcomes = Counter[str]()
    for number in itertools.count():
        host = Host(server.address(), tmp_path / f"host{number}")
        old = "" if is_first else host.run(1)
        server.requests.clear()
        server.hook = lambda when, count, _: code if (when, count) == (moment, number) else None  # noqa: B023
        try:
            host.run(2)
            ended = "succeeded"
        except RemoteError:
            ended = "failed"
        is_hit = len(server.requests) > number
        server.hook = lambda *_: None
        if not is_hit:
            break
        outcomes[f"{ended}, {check_after_fault(host, old, tmp_path / f'reader{number}')}"] += 1
    assert sum(outcomes.values()) >= 10


def test_secret_is_in_no_message(one: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    with pytest.raises(RemoteError) as raised:
        one.run(1)
    assert "InvalidAccessKeyId" in str(raised.value)
    shown = repr(raised.value) + repr(raised.value.__cause__) + repr(raised.value.__context__)
    assert not any(secret in shown for secret in (SECRET, "AKIA", "StringToSign"))
