"""The client asks politely, asks again where that helps, stays within its quota, and never tells its key."""

import datetime as dt
import gzip
import json
import logging
import re
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT
from pydantic import SecretStr

from orchestration import __version__
from orchestration.alerts.channels import Webhook
from orchestration.errors import (
    AlertError,
    KeyRefusedError,
    LakeError,
    NotFoundError,
    QuotaSpentError,
    ResponseError,
    SourceError,
)
from orchestration.openrouter import client as client_module
from orchestration.openrouter.client import Client
from orchestration.openrouter.quota import REQUESTS_A_DAY, REQUESTS_A_MINUTE, ClientState, VirtualClock
from orchestration.openrouter.surfaces import APPS, ENDPOINTS, MODELS, RANKINGS, SESSION_COST

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
KEY = "sk-or-v1-very-secret"
Reply = tuple[int, dict[str, str], bytes]


class Script:
    """A source that gives the replies it was told, the last one for ever, and remembers what it was asked."""

    def __init__(self, *replies: Reply | Exception | Callable[[str], Reply]) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def __call__(self, method: str, target: str, headers: Mapping[str, str]) -> Reply:
        assert method == "GET"
        self.asked.append((target, dict(headers)))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply(target) if callable(reply) else reply


def ok(body: Any = None, **headers: str) -> Reply:
    return 200, headers, json.dumps({"data": []} if body is None else body).encode()


def refusal(status: int, message: str = "no", **headers: str) -> Reply:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, told, json.dumps({"error": {"code": status, "message": message}}).encode()


def client(script: Script, key: str | None = KEY, clock: VirtualClock | None = None, **more: Any) -> Client:
    secret = SecretStr(key) if key else None
    return Client("https://source.example/api/v1", secret, clock=clock or VirtualClock(NOON), in_process=script, **more)


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(429),
        refusal(500),
        refusal(503, retry_after="7"),
        TimeoutError("slow"),
        ConnectionError("broken"),
    ],
)
def test_what_may_pass_is_asked_again(trouble: Reply | Exception) -> None:
    script = Script(trouble, trouble, ok({"data": [1]}))
    assert client(script).get("/models").payload == b'{"data": [1]}'
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, SourceError), (401, KeyRefusedError), (403, SourceError), (404, NotFoundError), (418, SourceError)],
)
def test_what_will_not_pass_is_asked_once(status: int, kind: type[SourceError]) -> None:
    script = Script(refusal(status, "because"))
    with pytest.raises(kind, match=rf"/models answered {status} \(because\)") as raised:
        client(script).get("/models")
    assert len(script.asked) == 1
    assert "kept" in str(raised.value) or "as it was" in str(raised.value)


def test_a_source_that_stays_silent_is_given_up() -> None:
    clock = VirtualClock(NOON)
    script = Script(TimeoutError("slow"))
    with pytest.raises(SourceError, match=r"models did not answer: slow \(asked 5 times\).*kept.*run again"):
        client(script, clock=clock).get("/models")
    assert len(script.asked) == 5
    # 0.5 + 1 + 2 + 4 seconds, and up to a second of jitter each.
    assert 7.5 <= (clock.now() - NOON).total_seconds() <= 11.5


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("Sun, 22 Nov 2026 12:00:40 GMT", 40), ("Sun, 22 Nov 2026 11:00:00 GMT", 0)]
)
def test_retry_after_is_honoured(header: str, seconds: float) -> None:
    clock = VirtualClock(NOON)
    client(Script(refusal(429, retry_after=header), ok()), clock=clock).get("/models")
    assert (clock.now() - NOON).total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["soon", "", "-5", "Sun, 99 Nov 2026"])
def test_a_retry_after_that_is_none_is_left_alone(header: str) -> None:
    clock = VirtualClock(NOON)
    client(Script(refusal(429, retry_after=header), ok()), clock=clock).get("/models")
    assert 5 <= (clock.now() - NOON).total_seconds() <= 6


def test_a_rest_of_hours_is_not_waited_for() -> None:
    clock = VirtualClock(NOON)
    with pytest.raises(QuotaSpentError, match=r"wants 60 minutes of rest. What was fetched is kept; run again"):
        client(Script(refusal(429, retry_after="3600")), clock=clock).get("/models")
    assert clock.now() == NOON


@pytest.mark.parametrize(("seconds", "asked"), [(86_400, 1), (50, 3), (10**400, 1)])
def test_retry_after_is_bounded_for_all_attempts_together(seconds: int, asked: int) -> None:
    clock, script = VirtualClock(NOON), Script(refusal(503, retry_after=str(seconds)))
    with pytest.raises(SourceError, match=rf"status 503, no and wants .* s of rest \(asked {asked} times\)"):
        client(script, clock=clock).get("/models")
    assert len(script.asked) == asked
    assert (clock.now() - NOON).total_seconds() <= client_module.MAX_WAIT_SECONDS


def test_waits_of_other_threads_count_towards_the_bound() -> None:
    def reply(_: str) -> Reply:
        asking._not_before = clock.now().timestamp() + 100  # another thread was told to wait
        return refusal(503, retry_after="1")

    clock = VirtualClock(NOON)
    asking = client(Script(reply), clock=clock)
    with pytest.raises(SourceError):
        asking.get("/models")
    assert (clock.now() - NOON).total_seconds() == pytest.approx(client_module.MAX_WAIT_SECONDS)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (refusal(402, "Insufficient credits"), SourceError, r"answered 402 \(Insufficient credits\).*settings/credits"),
        (
            (200, {}, refusal(402, "Insufficient credits")[2]),
            SourceError,
            r"answered 200 with error 402 \(Insufficient credits\).*settings/credits",
        ),
        ((200, {}, refusal(404, "No such model")[2]), NotFoundError, r"200 with error 404 \(No such model\)"),
        ((200, {}, refusal(401, "User not found")[2]), KeyRefusedError, r"200 with error 401 \(User not found\)"),
        ((200, {}, b'{"error": {"code": "400"}}'), SourceError, r'200 with error 400 \(\{"code": "400"\}\)'),
        ((400, {}, b'{"error": "bad days"}'), SourceError, r"answered 400 \(bad days\)"),
        (refusal(403, "Not your key"), KeyRefusedError, r"403 \(Not your key\). The key in OPENROUTER_API_KEY may not"),
    ],
)
def test_error_object_keeps_its_code_and_message(reply: Reply, kind: type[SourceError], words: str) -> None:
    script = Script(reply)
    with pytest.raises(kind, match=words) as raised:
        client(script).get("/datasets/x", needs_key=True)
    assert type(raised.value) is kind
    assert len(script.asked) == 1


def test_error_object_under_200_is_retried_as_its_code_says() -> None:
    script = Script((200, {}, refusal(502, "Upstream")[2]), ok({"data": [], "error": None}))
    client(script).get("/models")
    assert len(script.asked) == 2


PAGE = b"""<!doctype html><html><head><style>p {color: red}</style><title>
 Access denied &amp; logged\x1b[2J</title></head><body><p>no</p></body></html>"""


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("headers", "page", "words"),
    [
        ({"content-type": "text/html; charset=x"}, PAGE, r"\(text/html: Access denied & logged \[2J\)"),
        ({}, b"<script>var a;</script><p>Blocked <b>here</b>", r"\(no content type: Blocked here\)"),
        ({"content-type": "text/html"}, b"<" * 10_000_000, r"\(text/html: <{80,200}\)"),
        ({}, b"", r"answered 40[13]: a proxy"),
    ],
)
def test_page_of_a_firewall_does_not_ask_for_a_key(
    status: int, headers: dict[str, str], page: bytes, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        client(Script((status, headers, page)), key=None).get("/models")
    assert not isinstance(raised.value, KeyRefusedError)
    assert "needs no key" in str(raised.value)
    assert "settings/keys" not in str(raised.value)


def test_a_busy_source_is_busy_for_all_threads() -> None:
    clock = VirtualClock(NOON)
    asking = client(Script(refusal(429, retry_after="30"), ok()), clock=clock)
    asking.get("/models")
    assert asking._not_before == NOON.timestamp() + 30


# --- quota ------------------------------------------------------------------------------------------------------------


def test_thirty_a_minute_go_at_once_and_the_next_waits() -> None:
    clock, script = VirtualClock(NOON), Script(ok())
    asking = client(script, clock=clock)
    for _ in range(REQUESTS_A_MINUTE):
        asking.get("/datasets/x", needs_key=True)
    assert clock.now() == NOON
    asking.get("/datasets/x", needs_key=True)
    assert (clock.now() - NOON).total_seconds() == pytest.approx(60)


def test_a_keyless_request_costs_no_quota() -> None:
    clock = VirtualClock(NOON)
    asking = client(Script(ok()), clock=clock)
    for _ in range(100):
        asking.get("/models", with_key=True)
    assert clock.now() == NOON
    assert asking.state.left_today(NOON) == REQUESTS_A_DAY


def test_the_days_quota_ends_and_begins_again_at_midnight() -> None:
    clock, script = VirtualClock(NOON), Script(ok())
    asking = client(script, clock=clock)
    for _ in range(REQUESTS_A_DAY):
        asking.get("/datasets/x", needs_key=True)
    with pytest.raises(QuotaSpentError, match=r"500 requests .* UTC day are spent.*kept; run again after midnight"):
        asking.get("/datasets/x", needs_key=True)
    assert len(script.asked) == REQUESTS_A_DAY
    clock.set(NOON.replace(day=23, hour=0))
    asking.get("/datasets/x", needs_key=True)


def test_every_attempt_counts_against_the_quota() -> None:
    asking = client(Script(refusal(503), refusal(503), ok()))
    asking.get("/datasets/x", needs_key=True)
    assert asking.state.left_today(NOON) == REQUESTS_A_DAY - 3


def test_a_request_counts_from_its_answer(tmp_path: Path) -> None:
    """The source may count it at any moment up to then; counted from its start, 30 more could reach it too early."""
    memory = ClientState(tmp_path / "requests.sqlite")
    place, _ = memory.reserve(NOON)
    assert place is not None
    memory.answered(place, NOON + dt.timedelta(seconds=20))
    for _ in range(REQUESTS_A_MINUTE - 1):
        memory.reserve(NOON + dt.timedelta(seconds=21))
    assert memory.reserve(NOON + dt.timedelta(seconds=61)) == (None, pytest.approx(19))


def test_the_quota_outlives_a_restart(tmp_path: Path) -> None:
    for _ in range(REQUESTS_A_MINUTE):
        assert ClientState(tmp_path / "requests.sqlite").reserve(NOON)[0] is not None
    assert ClientState(tmp_path / "requests.sqlite").reserve(NOON)[0] is None


def test_the_quota_is_shared_by_processes(tmp_path: Path) -> None:
    script = (
        "import datetime as dt, sys; from pathlib import Path; from orchestration.openrouter.quota import ClientState\n"
        "memory = ClientState(Path(sys.argv[1])); now = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)\n"
        "print(sum(memory.reserve(now)[0] is not None for _ in range(20)))"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "requests.sqlite")]
    running = [subprocess.Popen(arguments, cwd=PROJECT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in running) == REQUESTS_A_MINUTE


# --- the key ----------------------------------------------------------------------------------------------------------


def test_the_key_goes_where_it_is_needed_and_nowhere_else() -> None:
    script = Script(ok({"data": [{}]}))
    asking = client(script)
    asking.fetch(RANKINGS, {})
    asking.fetch(MODELS, {})
    (_, keyed), (_, keyless) = script.asked
    assert keyed["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in keyless


def test_the_key_is_told_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"the key {KEY} is not mine"
    asking = client(Script(refusal(401, echo)))
    with pytest.raises(KeyRefusedError) as raised:
        asking.fetch(RANKINGS, {"start_date": "2026-01-01"})
    for trouble in (ConnectionError(echo), refusal(500, echo), refusal(400, echo), refusal(404, echo)):
        with pytest.raises(SourceError) as other:
            client(Script(trouble)).get("/datasets/x", needs_key=True)
        assert KEY not in str(other.value) + repr(other.value.__cause__)
    assert KEY not in str(raised.value) + repr(asking) + str(vars(asking)) + caplog.text
    assert "•••" in str(raised.value)


def test_a_key_that_is_sent_back_stands_in_no_body() -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-be"):
        body = json.dumps({"data": [f"Bearer {KEY}"]}).encode(encoding)
        payload = client(Script((200, {}, body))).fetch(RANKINGS, {}).payload
        assert json.loads(payload) == {"data": ["Bearer •••"]}


def test_a_broken_memory_is_named(tmp_path: Path) -> None:
    (tmp_path / "requests.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(LakeError, match=r"requests.sqlite, which counts the requests made, cannot be used.*delete the"):
        client(Script(ok()), state=ClientState(tmp_path / "requests.sqlite")).get("/x", needs_key=True)
    with pytest.raises(LakeError, match="cannot be used"):
        ClientState(tmp_path / "requests.sqlite" / "under a file").left_today(NOON)


def test_the_key_does_not_follow_to_another_host() -> None:
    script = Script((302, {"location": "https://elsewhere.example/x"}, b""), ok())
    client(script).get("/datasets/x", needs_key=True)
    assert "authorization" in script.asked[0][1]
    assert "authorization" not in script.asked[1][1]


def test_without_a_key_it_is_said_where_one_is_had() -> None:
    with pytest.raises(
        KeyRefusedError, match=r"It does not answer without a key.*openrouter.ai/settings/keys.*OPENROUTER_API_KEY"
    ):
        client(Script(refusal(401)), key=None).get("/datasets/x", needs_key=True)
    with pytest.raises(KeyRefusedError, match="The key in OPENROUTER_API_KEY is not taken"):
        client(Script(refusal(401))).get("/datasets/x", needs_key=True)


def test_the_project_says_its_name() -> None:
    script = Script(ok())
    client(script).get("/models")
    assert script.asked[0][1]["user-agent"] == f"routerscope/{__version__}"


def test_nothing_else_speaks_http_but_alerts_which_leave_by_it() -> None:
    importing = re.compile(r"^\s*(import|from) (httpx|requests|aiohttp|urllib3|urllib\.request)\b", re.MULTILINE)
    files = [path for path in (PROJECT / "orchestration").rglob("*.py") if importing.search(path.read_text())]
    assert sorted(path.name for path in files) == ["channels.py", "client.py", "transport.py"]


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_that_does_not_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    script = Script((200, {}, b" " * (1024 * 1024 + 1)))
    with pytest.raises(ResponseError, match="sends more than 1 MiB"):
        client(script).get("/models")
    assert len(script.asked) == 1


def numbered(query: str, rows: int, of: int) -> Reply:
    offset = int((re.findall(r"offset=(\d+)", query) or ["0"])[0])
    numbers = range(offset, min(offset + rows, of))
    data = [{"id": number, "app_id": number, "app_slug": number} for number in numbers]
    following = f"/api/v1/models?offset={offset + rows}&limit={rows}" if offset + rows < of else None
    return ok({"data": data, "links": {"next": following}, "total_count": of})


def test_models_are_followed_to_the_last_page_even_if_pages_are_smaller_than_asked_for() -> None:
    script = Script(lambda target: numbered(target, 400, 1000))
    observation = client(script).fetch(MODELS, {"output_modalities": "all"})
    assert [target.partition("?")[2] for target, _ in script.asked] == [
        "output_modalities=all&limit=1000",
        "output_modalities=all&limit=400&offset=400",
        "output_modalities=all&limit=400&offset=800",
    ]
    body = json.loads(observation.payload)
    assert [row["id"] for row in body["data"]] == list(range(1000))
    assert (body["links"]["next"], body["total_count"]) == (None, 1000)


@pytest.mark.parametrize("key", ["id", "app_id"])
def test_a_list_that_changes_while_it_is_paged_through_is_asked_for_once_more(key: str) -> None:
    surface = MODELS if key == "id" else APPS
    limit = surface.pages.limit if surface.pages else 0

    def page(first: int, of: int, rows: int) -> Reply:
        following = f"/api/v1/models?offset={limit}&limit={limit}" if first == 0 else None
        told = {"links": {"next": following}, "total_count": of} if key == "id" else {}
        return ok({"data": [{key: number} for number in range(first, first + rows)], **told})

    # One row goes to the second page between the two requests.
    script = Script(
        page(0, limit + 5, limit), page(limit - 1, limit + 5, 6), page(0, limit + 5, limit), page(limit, limit + 5, 5)
    )
    body = json.loads(client(script).fetch(surface, {}).payload)
    assert [row[key] for row in body["data"]] == list(range(limit + 5))
    assert len(script.asked) == 4


def test_one_page_is_kept_byte_for_byte() -> None:
    payload = b'{ "data": [ {"id": "a"} ],  "links": {"next": null} }'
    assert client(Script((200, {}, payload))).fetch(MODELS, {}).payload == payload


@pytest.mark.parametrize(("surface", "rows", "requests"), [(APPS, 200, 2), (APPS, 99, 1), (SESSION_COST, 1200, 3)])
def test_pages_are_asked_for_as_long_as_they_are_full(surface: Any, rows: int, requests: int) -> None:
    limit = surface.pages.limit
    script = Script(lambda target: numbered(target, limit, rows))
    observation = client(script).fetch(surface, {})
    assert len(script.asked) == requests
    assert len(json.loads(observation.payload)["data"]) == rows


def test_no_more_than_200_apps_are_asked_for() -> None:
    script = Script(lambda target: numbered(target, 100, 900))
    assert len(json.loads(client(script).fetch(APPS, {}).payload)["data"]) == 200
    assert len(script.asked) == 2


def test_pages_that_never_end_are_not_followed_for_ever() -> None:
    script = Script(ok({"data": [{}], "links": {"next": "/api/v1/models?offset=0"}}))
    with pytest.raises(ResponseError, match="its pages do not end"):
        client(script).fetch(MODELS, {})
    assert len(script.asked) == 1


@pytest.mark.parametrize("second", [(200, {}, b"<html>"), ok({"data": {}})])
def test_half_a_list_is_no_list(second: Reply) -> None:
    first = ok({"data": [{}], "links": {"next": "/api/v1/models?offset=1"}})
    with pytest.raises(ResponseError, match=r"page without rows.*Nothing of the whole list was written"):
        client(Script(first, second)).fetch(MODELS, {})


def test_a_sweep_keeps_each_answer_and_records_who_is_gone() -> None:
    def answer(target: str) -> Reply:
        return refusal(404, "Gone") if "gone" in target else ok({"data": {"endpoints": [], "id": target}})

    script = Script(answer)
    told: list[str] = []
    models = ["a/here", "b/gone", "~c/latest", *(f"d/{number}:free" for number in range(97))]
    observation = client(script, log=told.append).fetch(ENDPOINTS, {}, models)
    body = json.loads(observation.payload)
    assert list(body) == models
    assert body["b/gone"] == {"error": {"code": 404, "message": "Gone"}}
    assert body["d/0:free"]["data"]["id"] == "/api/v1/models/d/0:free/endpoints"
    assert all("authorization" in headers for _, headers in script.asked)
    assert told == ["endpoints: 100 of 100 models asked"]


def test_a_model_without_an_answer_does_not_cost_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(target: str) -> Reply:
        if "busy" in target:
            return refusal(503)
        return (200, {}, b"<html>") if "garbled" in target else ok({"data": {"endpoints": []}})

    body = json.loads(client(Script(answer)).fetch(ENDPOINTS, {}, ["a/here", "a/busy", "a/garbled"]).payload)
    assert body["a/here"] == {"data": {"endpoints": []}}
    assert body["a/busy"]["error"]["code"] == 0
    assert "did not answer" in body["a/busy"]["error"]["message"]
    assert body["a/garbled"] == {"error": {"code": 0, "message": "its answer is not a JSON object"}}
    monkeypatch.setattr(client_module, "MAX_MISSING_MODELS", 1)
    with pytest.raises(SourceError, match=r"2 of 2 models gave no answer.*nothing of it is kept"):
        client(Script(answer)).fetch(ENDPOINTS, {}, ["a/busy", "a/garbled", "a/here"])


def test_one_body_in_another_encoding_does_not_cost_the_sweep() -> None:
    def deepest() -> int:  # nesting that this Python can parse, within 10 levels
        depth = 100
        while True:
            try:
                json.loads("[" * depth + "]" * depth)
            except RecursionError:
                return depth - 10
            depth += 10

    body = {"data": {"id": "é", "endpoints": []}}
    text = json.dumps(body, ensure_ascii=False)
    nested = '{"data": ' + "[" * deepest() + "]" * deepest() + "}"
    bodies = {
        "a/plain": text.encode(),
        "a/bom": text.encode("utf-8-sig"),
        "a/utf-16": text.encode("utf-16"),
        "a/utf-16-be": text.encode("utf-16-be"),
        "a/utf-32": text.encode("utf-32"),
        "b/cut": text.encode("utf-16")[:-1],
        "b/latin-1": text.encode("latin-1"),
        "b/nested": nested.encode(),
        "b/two": text.encode() * 2,
        "b/list": b"[{}]",
        "b/exponent": b'{"data": 1e99999999999999999999}',
    }
    script = Script(lambda target: (200, {}, bodies[target.removeprefix("/api/v1/models/").removesuffix("/endpoints")]))
    swept = json.loads(client(script).fetch(ENDPOINTS, {}, list(bodies)).payload.decode("utf-8"))
    lost = {"error": {"code": 0, "message": "its answer is not a JSON object"}}
    assert swept == {model: body if model.startswith("a/") else lost for model in bodies}


def test_pages_in_any_encoding_become_one_list() -> None:
    first = json.dumps({"data": [{"id": "\ud800"}], "links": {"next": "/api/v1/models?offset=1"}})
    second = json.dumps({"data": [{"id": "é"}]}, ensure_ascii=False)
    script = Script((200, {}, first.encode("utf-8-sig")), (200, {}, second.encode("utf-16")))
    rows = json.loads(client(script).fetch(MODELS, {}).payload)["data"]
    assert rows == [{"id": "\ud800"}, {"id": "é"}]


def test_all_pages_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    page = ok({"data": [{"id": number, "text": "x" * 6000} for number in range(100)]})
    with pytest.raises(ResponseError, match="together exceed 1 MiB"):
        client(Script(page)).fetch(APPS, {})


def test_only_the_body_that_cannot_be_parsed_is_refetched() -> None:
    garbled = {"a/once": 1, "a/always": 9}

    def answer(target: str) -> Reply:
        model = target.removeprefix("/api/v1/models/").removesuffix("/endpoints")
        garbled[model] = garbled.get(model, 0) - 1
        return (200, {}, b"<html>") if garbled[model] >= 0 else ok({"data": {}})

    script, clock = Script(answer), VirtualClock(NOON)
    models = ["a/here", "a/once", "a/always"]
    body = json.loads(client(script, clock=clock).fetch(ENDPOINTS, {}, models).payload)
    assert body["a/here"] == body["a/once"] == {"data": {}}
    assert body["a/always"]["error"]["code"] == 0
    assert len(script.asked) == 1 + 2 + 3
    assert clock.now() > NOON  # it waited in between


def test_later_page_is_refetched_alone_within_the_quota() -> None:
    full = {"data": [{"app_id": number} for number in range(100)]}
    script = Script(ok(full), (200, {}, b"<html>"), ok({"data": [{"app_id": 100}]}))
    asking = client(script)
    assert len(json.loads(asking.fetch(APPS, {}).payload)["data"]) == 101
    assert asking.state.left_today(NOON) == REQUESTS_A_DAY - 3


def test_unparsable_index_is_refetched_and_not_cached() -> None:
    index = {"datasets": [{"id": "rankings-daily", "latest_snapshot_date": "2026-11-22"}]}
    script = Script((200, {"etag": '"bad"'}, b"<html>"), ok(index))
    assert client(script).newest_snapshot() == dt.date(2026, 11, 22)
    script = Script((200, {"etag": '"bad"'}, b"<html>"))
    asking = client(script)
    for _ in range(2):
        with pytest.raises(ResponseError, match="does not say which snapshot"):
            asking.newest_snapshot()
    assert not any("if-none-match" in headers for _, headers in script.asked)


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    index = {"datasets": [{"id": "rankings-daily", "latest_snapshot_date": "2026-11-22"}]}
    script = Script(ok(index, etag='"one"'), (304, {}, b""))
    for _ in range(2):
        memory = ClientState(tmp_path / "requests.sqlite")
        assert client(script, state=memory).newest_snapshot() == dt.date(2026, 11, 22)
    assert "if-none-match" not in script.asked[0][1]
    assert script.asked[1][1]["if-none-match"] == '"one"'


@pytest.mark.parametrize("body", [{}, {"datasets": []}, {"datasets": [{"id": "rankings-daily"}]}, []])
def test_an_index_that_names_no_snapshot_is_named(body: Any) -> None:
    with pytest.raises(ResponseError, match=r"index.json does not say which snapshot"):
        client(Script(ok(body))).newest_snapshot()


# --- over a real connection -------------------------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A server on loopback that treats each connection as it is told."""
    open_sockets: list[socket.socket] = []

    def listen(treat: Callable[[socket.socket], None]) -> str:
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
                        treat(connection)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"

    yield listen
    for server in open_sockets:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def head(length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n".encode()


def test_a_body_that_is_cut_is_asked_for_again(listening: Any) -> None:
    bodies = [b'{"da', b'{"data": [1]}']
    url = listening(lambda connection: connection.sendall(head(13) + bodies.pop(0)))
    assert Client(url).get("/models").payload == b'{"data": [1]}'


def test_an_answer_that_drips_is_given_up(listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_SECONDS", 0.3)
    monkeypatch.setattr(client_module, "ATTEMPTS", 1)

    def drip(connection: socket.socket) -> None:
        connection.sendall(head(1000))
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.05)

    started = time.monotonic()
    with pytest.raises(SourceError, match="no whole answer within"):
        Client(listening(drip)).get("/models")
    assert time.monotonic() - started < 3


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
    for _ in range(200):
        connection.sendall(b"a")
        time.sleep(0.02)


def test_headers_that_drip_end_at_the_deadline(listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_SECONDS", 0.3)
    monkeypatch.setattr(client_module, "ATTEMPTS", 1)
    dropped = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            drip_headers(connection)
        except OSError:
            dropped.set()

    started = time.monotonic()
    with pytest.raises(SourceError, match=r"no whole answer within 0.3 s"):
        Client(listening(drip)).get("/models")
    assert time.monotonic() - started < 2
    assert dropped.wait(2)  # neither the connection nor the thread outlives the deadline


def test_deadline_covers_redirects_together(listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_SECONDS", 0.4)
    monkeypatch.setattr(client_module, "ATTEMPTS", 1)

    def redirect(connection: socket.socket) -> None:
        time.sleep(0.25)
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: /api/v1/models\r\ncontent-length: 0\r\n\r\n")

    with pytest.raises(SourceError, match=r"no whole answer within 0.4 s"):
        Client(listening(redirect)).get("/models")


def test_headers_that_drip_are_not_reachable(listening: Any) -> None:
    started = time.monotonic()
    assert not Client(listening(drip_headers)).is_reachable(0.3)
    assert time.monotonic() - started < 2


def test_webhook_is_bounded_in_time_and_size(listening: Any) -> None:
    started = time.monotonic()
    with pytest.raises(AlertError, match=r"did not respond \(ReadTimeout\)"):
        Webhook(listening(drip_headers), 0.3).send([])

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b" " * 65536)

    Webhook(listening(endless), 1).send([])
    assert time.monotonic() - started < 2


BOMB = gzip.compress(bytes(64 * 1024 * 1024), 9)


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("gzip", BOMB, "sends more than 1 MiB"),
        ("gzip", BOMB * 2, "sends more than 1 MiB"),
        ("gzip, gzip", gzip.compress(BOMB), "is encoded as 'gzip, gzip', where gzip or nothing was asked for"),
        ("br", b"{}", "is encoded as 'br'"),
        ("identity", bytes(2 * 1024 * 1024), "sends more than 1 MiB"),
    ],
)
def test_body_is_bounded_as_sent_and_as_unpacked(
    listening: Any, monkeypatch: pytest.MonkeyPatch, encoding: str, body: bytes, words: str
) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    headers = f"HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    asking = Client(listening(lambda connection: connection.sendall(headers + body)))
    tracemalloc.start()
    try:
        with pytest.raises(ResponseError, match=words):
            asking.get("/models")
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


GZIPPED = gzip.compress(b'{"data": ', mtime=0) + gzip.compress(b"[1]}", mtime=0)  # two parts are one body


@pytest.mark.parametrize(
    "damaged",
    [GZIPPED[:-1], GZIPPED[:20], GZIPPED[:20] + b"????" + GZIPPED[24:], b"no gzip"],
    ids=["last byte", "cut", "changed", "none"],
)
def test_damaged_gzip_is_fetched_again(damaged: bytes) -> None:
    script = Script((200, {"content-encoding": "gzip"}, damaged), (200, {"content-encoding": "GZIP"}, GZIPPED))
    assert client(script).get("/models").payload == b'{"data": [1]}'
    assert len(script.asked) == 2


def test_error_in_an_unexpected_encoding_keeps_its_status() -> None:
    script = Script((503, {"content-encoding": "br"}, b"?"), ok())
    client(script).get("/models")
    assert len(script.asked) == 2


def test_one_that_accepts_and_says_nothing_is_not_reachable(listening: Any) -> None:
    started = time.monotonic()
    assert not Client(listening(lambda _: time.sleep(1.5))).is_reachable(0.5)
    assert time.monotonic() - started < 1.2


def test_one_that_answers_anything_is_reachable(listening: Any) -> None:
    url = listening(lambda connection: connection.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"))
    assert Client(url).is_reachable(2)
    assert not Client("http://127.0.0.1:9/api/v1").is_reachable(2)
