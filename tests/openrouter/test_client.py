"""The client retries what may pass, joins what belongs together, and never reveals its key."""

import datetime as dt
import json
import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from conftest import PROJECT
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import KEY, NOON, RawResponse, ScriptedServer, client_of, failure, success

from orchestration import __version__
from orchestration.clock import VirtualClock
from orchestration.errors import KeyRefusedError, NotFoundError, QuotaSpentError, ResponseError, SourceError
from orchestration.openrouter import client as client_module
from orchestration.openrouter import retries
from orchestration.openrouter.quota import REQUESTS_PER_DAY, RequestLog
from orchestration.openrouter.surfaces import APPS, ENDPOINTS, MODELS, PROVIDERS, RANKINGS, SESSION_COST
from orchestration.settings import BASE_URL


@pytest.mark.parametrize(
    "transient",
    [
        failure(429),
        failure(500),
        failure(503, retry_after="7"),
        TimeoutError("slow"),
        ConnectionError("broken"),
    ],
)
def test_transient_failure_is_retried(transient: RawResponse | Exception) -> None:
    server = ScriptedServer(transient, transient, success({"data": [1]}))
    assert client_of(server).get("/models").payload == b'{"data": [1]}'
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, SourceError), (401, KeyRefusedError), (403, SourceError), (404, NotFoundError), (418, SourceError)],
)
def test_permanent_failure_is_not_retried(status: int, kind: type[SourceError]) -> None:
    server = ScriptedServer(failure(status, "because"))
    with pytest.raises(kind, match=rf"/models returned {status} \(because\)") as raised:
        client_of(server).get("/models")
    assert len(server.requests) == 1
    assert "kept" in str(raised.value) or "the lake is unchanged" in str(raised.value).lower()


def test_retries_end_after_the_last_attempt() -> None:
    clock = VirtualClock(NOON)
    server = ScriptedServer(TimeoutError("slow"))
    with pytest.raises(SourceError, match=r"models failed after 5 attempts: slow\..*kept.*run again"):
        client_of(server, clock=clock).get("/models")
    assert len(server.requests) == 5
    # 0.5 + 1 + 2 + 4 seconds, and up to a second of jitter each.
    assert 7.5 <= (clock.now() - NOON).total_seconds() <= 11.5


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("Sun, 22 Nov 2026 12:00:40 GMT", 40), ("Sun, 22 Nov 2026 11:00:00 GMT", 0)]
)
def test_retry_after_is_honoured(header: str, seconds: float) -> None:
    clock = VirtualClock(NOON)
    client_of(ScriptedServer(failure(429, retry_after=header), success()), clock=clock).get("/models")
    assert (clock.now() - NOON).total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["soon", "", "-5", "Sun, 99 Nov 2026"])
def test_invalid_retry_after_is_ignored(header: str) -> None:
    clock = VirtualClock(NOON)
    client_of(ScriptedServer(failure(429, retry_after=header), success()), clock=clock).get("/models")
    assert 5 <= (clock.now() - NOON).total_seconds() <= 6


def test_long_retry_after_is_not_waited_for() -> None:
    clock = VirtualClock(NOON)
    with pytest.raises(
        QuotaSpentError, match=r"asks the client to wait 60 minutes. Responses already fetched are kept. Run again"
    ):
        client_of(ScriptedServer(failure(429, retry_after="3600")), clock=clock).get("/models")
    assert clock.now() == NOON


@pytest.mark.parametrize(("seconds", "attempts"), [(86_400, 1), (50, 3), (10**400, 1)])
def test_total_wait_of_a_request_is_bounded(seconds: int, attempts: int) -> None:
    clock, server = VirtualClock(NOON), ScriptedServer(failure(503, retry_after=str(seconds)))
    tried = f" after {attempts} attempts" if attempts > 1 else ""
    with pytest.raises(SourceError, match=rf"models failed{tried}: status 503, no; it asks the client to wait .* s\."):
        client_of(server, clock=clock).get("/models")
    assert len(server.requests) == attempts
    assert (clock.now() - NOON).total_seconds() <= retries.MAX_WAIT_SECONDS


def test_waits_of_other_threads_count_towards_the_bound() -> None:
    def respond(_: str) -> RawResponse:
        client._paused_until = clock.now().timestamp() + 100  # another thread has to wait
        return failure(503, retry_after="1")

    clock = VirtualClock(NOON)
    client = client_of(ScriptedServer(respond), clock=clock)
    with pytest.raises(SourceError):
        client.get("/models")
    assert (clock.now() - NOON).total_seconds() == pytest.approx(retries.MAX_WAIT_SECONDS)


@pytest.mark.parametrize(
    ("response", "kind", "message"),
    [
        (failure(402, "Insufficient credits"), SourceError, r"returned 402 \(Insufficient credits\).*settings/credits"),
        (
            (200, {}, failure(402, "Insufficient credits")[2]),
            SourceError,
            r"returned 200 with error 402 \(Insufficient credits\).*settings/credits",
        ),
        ((200, {}, failure(404, "No such model")[2]), NotFoundError, r"200 with error 404 \(No such model\)"),
        ((200, {}, failure(401, "User not found")[2]), KeyRefusedError, r"200 with error 401 \(User not found\)"),
        ((200, {}, b'{"error": {"code": "400"}}'), SourceError, r'200 with error 400 \(\{"code": "400"\}\)'),
        ((400, {}, b'{"error": "bad days"}'), SourceError, r"returned 400 \(bad days\)"),
        (failure(403, "Not your key"), KeyRefusedError, r"403 \(Not your key\). The key in OPENROUTER_API_KEY may not"),
    ],
)
def test_error_object_keeps_its_code_and_message(response: RawResponse, kind: type[SourceError], message: str) -> None:
    server = ScriptedServer(response)
    with pytest.raises(kind, match=message) as raised:
        client_of(server).get("/datasets/x", needs_key=True)
    assert type(raised.value) is kind
    assert len(server.requests) == 1


def test_error_under_200_is_retried_by_its_code() -> None:
    server = ScriptedServer((200, {}, failure(502, "Upstream")[2]), success({"data": [], "error": None}))
    client_of(server).get("/models")
    assert len(server.requests) == 2


PAGE = b"""<!doctype html><html><head><style>p {color: red}</style><title>
 Access denied &amp; logged\x1b[2J</title></head><body><p>no</p></body></html>"""


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("headers", "page", "message"),
    [
        ({"content-type": "text/html; charset=x"}, PAGE, r"\(text/html: Access denied & logged\ufffd\[2J\)"),
        ({}, b"<script>var a;</script><p>Blocked <b>here</b>", r"\(no content type: Blocked here\)"),
        ({"content-type": "text/html"}, b"<" * 10_000_000, r"\(text/html: <{80,199}…?\)"),
        ({}, b"", r"returned 40[13]: a proxy"),
    ],
)
def test_firewall_page_is_not_reported_as_a_missing_key(
    status: int, headers: dict[str, str], page: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as raised:
        client_of(ScriptedServer((status, headers, page)), key=None).get("/models")
    assert not isinstance(raised.value, KeyRefusedError)
    assert "needs no key" in str(raised.value)
    assert "settings/keys" not in str(raised.value)


def test_retry_after_pauses_all_threads() -> None:
    clock = VirtualClock(NOON)
    client = client_of(ScriptedServer(failure(429, retry_after="30"), success()), clock=clock)
    client.get("/models")
    assert client._paused_until == NOON.timestamp() + 30


# --- the key ----------------------------------------------------------------------------------------------------------


def test_key_is_sent_only_where_it_is_needed() -> None:
    server = ScriptedServer(success({"data": [{}]}))
    client = client_of(server)
    client.fetch(RANKINGS, {})
    client.fetch(MODELS, {})
    (_, keyed), (_, keyless) = server.requests
    assert keyed["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in keyless


def test_key_appears_in_no_error_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"the key {KEY} is not mine"
    client = client_of(ScriptedServer(failure(401, echo)))
    with pytest.raises(KeyRefusedError) as raised:
        client.fetch(RANKINGS, {"start_date": "2026-01-01"})
    for response in (ConnectionError(echo), failure(500, echo), failure(400, echo), failure(404, echo)):
        with pytest.raises(SourceError) as other:
            client_of(ScriptedServer(response)).get("/datasets/x", needs_key=True)
        assert KEY not in str(other.value) + repr(other.value.__cause__)
    assert KEY not in str(raised.value) + repr(client) + str(vars(client)) + caplog.text
    assert "•••" in str(raised.value)


def test_key_is_redacted_from_bodies() -> None:
    for encoding in ("utf-8", "utf-16", "utf-16-be"):
        body = json.dumps({"data": [f"Bearer {KEY}"]}).encode(encoding)
        payload = client_of(ScriptedServer((200, {}, body))).fetch(RANKINGS, {}).payload
        assert json.loads(payload) == {"data": ["Bearer •••"]}


def test_key_is_not_sent_to_another_host() -> None:
    server = ScriptedServer((302, {"location": "https://elsewhere.example/x"}, b""), success())
    client_of(server).get("/datasets/x", needs_key=True)
    assert "authorization" in server.requests[0][1]
    assert "authorization" not in server.requests[1][1]


def test_missing_key_error_links_to_the_key_page() -> None:
    with pytest.raises(
        KeyRefusedError, match=r"The API requires a key.*openrouter.ai/settings/keys.*OPENROUTER_API_KEY"
    ):
        client_of(ScriptedServer(failure(401)), key=None).get("/datasets/x", needs_key=True)
    with pytest.raises(KeyRefusedError, match="The API rejects the key in OPENROUTER_API_KEY"):
        client_of(ScriptedServer(failure(401))).get("/datasets/x", needs_key=True)


def test_user_agent_names_the_project() -> None:
    server = ScriptedServer(success())
    client_of(server).get("/models")
    assert server.requests[0][1]["user-agent"] == f"routerscope/{__version__}"


def test_only_client_transport_and_alerts_import_httpx() -> None:
    importing = re.compile(r"^\s*(import|from) (httpx|requests|aiohttp|urllib3|urllib\.request)\b", re.MULTILINE)
    package = PROJECT / "orchestration"
    files = [
        path.relative_to(package)
        for path in package.rglob("*.py")
        if importing.search(path.read_text(encoding="utf-8"))
    ]
    outside_alerts = sorted(path.as_posix() for path in files if path.parts[0] != "alerts")
    assert outside_alerts == ["openrouter/client.py", "openrouter/transport.py"]
    assert len(files) == 3


# --- responses --------------------------------------------------------------------------------------------------------


def test_response_over_the_size_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    server = ScriptedServer((200, {}, b" " * (1024 * 1024 + 1)))
    with pytest.raises(ResponseError, match="sent more than 1 MiB"):
        client_of(server).get("/models")
    assert len(server.requests) == 1


def numbered_page(query: str, rows: int, of: int) -> RawResponse:
    offset = int((re.findall(r"offset=(\d+)", query) or ["0"])[0])
    numbers = range(offset, min(offset + rows, of))
    data = [{"id": number, "app_id": number, "app_slug": number} for number in numbers]
    following = f"/api/v1/models?offset={offset + rows}&limit={rows}" if offset + rows < of else None
    return success({"data": data, "links": {"next": following}, "total_count": of})


def test_pages_are_followed_by_their_links() -> None:
    server = ScriptedServer(lambda target: numbered_page(target, 400, 1000))
    response = client_of(server).fetch(MODELS, {"output_modalities": "all"})
    assert [target.partition("?")[2] for target, _ in server.requests] == [
        "output_modalities=all&limit=1000",
        "output_modalities=all&limit=400&offset=400",
        "output_modalities=all&limit=400&offset=800",
    ]
    body = json.loads(response.payload)
    assert [row["id"] for row in body["data"]] == list(range(1000))
    assert (body["links"]["next"], body["total_count"]) == (None, 1000)


@pytest.mark.parametrize("key", ["id", "app_id"])
def test_list_that_changes_while_paging_is_refetched(key: str) -> None:
    surface = MODELS if key == "id" else APPS
    limit = surface.pages.limit if surface.pages else 0

    def page(first: int, of: int, rows: int) -> RawResponse:
        following = f"/api/v1/models?offset={limit}&limit={limit}" if first == 0 else None
        envelope = {"links": {"next": following}, "total_count": of} if key == "id" else {}
        return success({"data": [{key: number} for number in range(first, first + rows)], **envelope})

    # One row goes to the second page between the two requests.
    server = ScriptedServer(
        page(0, limit + 5, limit), page(limit - 1, limit + 5, 6), page(0, limit + 5, limit), page(limit, limit + 5, 5)
    )
    body = json.loads(client_of(server).fetch(surface, {}).payload)
    assert [row[key] for row in body["data"]] == list(range(limit + 5))
    assert len(server.requests) == 4


def test_single_page_keeps_its_bytes() -> None:
    payload = b'{ "data": [ {"id": "a"} ],  "links": {"next": null} }'
    assert client_of(ScriptedServer((200, {}, payload))).fetch(MODELS, {}).payload == payload


def test_last_page_may_have_no_links() -> None:
    first = success({"data": [{"id": "a"}], "links": {"next": "/api/v1/models?offset=1"}})
    server = ScriptedServer(first, success({"data": [{"id": "b"}], "links": None}))
    assert json.loads(client_of(server).fetch(MODELS, {}).payload) == {
        "data": [{"id": "a"}, {"id": "b"}],
        "links": None,
    }


@pytest.mark.parametrize(("surface", "rows", "requests"), [(APPS, 200, 2), (APPS, 99, 1), (SESSION_COST, 1200, 3)])
def test_pages_are_fetched_while_they_are_full(surface: Any, rows: int, requests: int) -> None:
    limit = surface.pages.limit
    server = ScriptedServer(lambda target: numbered_page(target, limit, rows))
    response = client_of(server).fetch(surface, {})
    assert len(server.requests) == requests
    assert len(json.loads(response.payload)["data"]) == rows


def test_apps_are_fetched_up_to_the_greatest_offset() -> None:
    server = ScriptedServer(lambda target: numbered_page(target, 100, 900))
    assert len(json.loads(client_of(server).fetch(APPS, {}).payload)["data"]) == 200
    assert len(server.requests) == 2


def test_endless_pages_are_an_error() -> None:
    server = ScriptedServer(success({"data": [{}], "links": {"next": "/api/v1/models?offset=0"}}))
    with pytest.raises(ResponseError, match="lists pages without end"):
        client_of(server).fetch(MODELS, {})
    assert len(server.requests) == 1


@pytest.mark.parametrize("second", [(200, {}, b"<html>"), success({"data": {}})])
def test_unparsable_later_page_fails_the_list(second: RawResponse) -> None:
    first = success({"data": [{}], "links": {"next": "/api/v1/models?offset=1"}})
    with pytest.raises(ResponseError, match=r"page without rows.*None of the list was written"):
        client_of(ScriptedServer(first, second)).fetch(MODELS, {})


def test_endpoints_keep_each_response_and_record_404() -> None:
    def respond(target: str) -> RawResponse:
        return failure(404, "Gone") if "gone" in target else success({"data": {"endpoints": [], "id": target}})

    server = ScriptedServer(respond)
    lines: list[str] = []
    models = ["a/here", "b/gone", "~c/latest", *(f"d/{number}:free" for number in range(97))]
    response = client_of(server, log=lines.append).fetch(ENDPOINTS, {}, models)
    body = json.loads(response.payload)
    assert list(body) == models
    assert body["b/gone"] == {"error": {"code": 404, "message": "Gone"}}
    assert body["d/0:free"]["data"]["id"] == "/api/v1/models/d/0:free/endpoints"
    assert all("authorization" in headers for _, headers in server.requests)
    assert lines == ["endpoints: 100 of 100 models fetched"]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("a/b:free", "/models/a/b:free/endpoints"),
        ("a/b/c", "/models/a/b%2Fc/endpoints"),
        ("a/b?x=1#y", "/models/a/b%3Fx%3D1%23y/endpoints"),
        ("a/%2e%2e", "/models/a/%252e%252e/endpoints"),
        ("a/b\r\nx: y", "/models/a/b%0D%0Ax:%20y/endpoints"),
        ("a/\u202eb", "/models/a/%E2%80%AEb/endpoints"),
    ],
)
def test_ids_are_quoted_in_urls(model: str, path: str) -> None:
    server = ScriptedServer(success({"data": {"endpoints": []}}))
    client_of(server).fetch(ENDPOINTS, {}, [model])
    assert [target for target, _ in server.requests] == [f"/api/v1{path}"]
    assert ENDPOINTS.request_url({"model": model}) == f"{BASE_URL}{path}"


@pytest.mark.parametrize("model", ["../../../evil", "..", "a/..", "./a", "a/../../b", "a\\..\\..\\b", "/a", "a//b", ""])
def test_id_that_would_lead_to_another_path_is_not_requested(model: str) -> None:
    server = ScriptedServer(success({"data": {"endpoints": []}}))
    response = client_of(server).fetch(ENDPOINTS, {}, ["a/here", model])
    assert [target for target, _ in server.requests] == ["/api/v1/models/a/here/endpoints"]
    error = json.loads(response.payload)[model]["error"]
    assert error["code"] == 0
    assert "cannot be part of the path /models/{model}/endpoints, so it was not requested" in error["message"]


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1))
def test_no_id_changes_the_path(model: str) -> None:
    try:
        url = httpx.URL(ENDPOINTS.request_url({"model": model}))
    except ResponseError:
        return
    assert re.fullmatch(rb"/api/v1/models/[^/?#]+(/[^/?#]+)?/endpoints", url.raw_path)
    assert unquote(url.raw_path.decode()) == f"/api/v1/models/{model}/endpoints"


@pytest.mark.parametrize("value", ["²", "1²", "٣", "½", "1e3", "nan", "Sun, ² Nov 2026 12:00:00 GMT"])
def test_digits_of_other_scripts_are_no_seconds(value: str) -> None:
    """A header may have any byte: ² is a digit to `str.isdigit`, but not a number to `int`."""
    assert retries.retry_after_seconds(value, NOON) is None


def test_deeply_nested_body_is_a_plain_error() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for surface in (MODELS, PROVIDERS):
        response = client_of(ScriptedServer((200, {}, deep))).fetch(surface, {})
        with pytest.raises(ResponseError, match="maximum recursion depth"):
            surface.parse(response)
    with pytest.raises(SourceError, match="returned 400"):
        client_of(ScriptedServer((400, {}, b'{"error":' + deep[:30_000] + deep[-30_000:] + b"}"))).get("/models")


@pytest.mark.parametrize("depth", range(850, 1000, 10))
def test_body_that_can_barely_be_parsed_is_joined_or_refused(depth: int) -> None:
    row = b'{"id": "a", "x": ' + b"[" * depth + b"]" * depth + b"}"
    page = b'{"data": [' + row + b'], "links": {"next": "https://source.example/api/v1/models?offset=1"}}'
    with suppress(ResponseError):
        client_of(ScriptedServer((200, {}, page), (200, {}, b'{"data": [{"id": "b"}]}'))).fetch(MODELS, {})


def test_damaged_cache_is_not_used(tmp_path: Path) -> None:
    """Otherwise each run would get 304 Not Modified, and read the damaged body again."""
    log = RequestLog(tmp_path / "requests.sqlite")
    index = {"datasets": [{"id": "rankings-daily", "latest_snapshot_date": "2026-11-21"}]}
    for etag, payload in (("w1", b"garbage"), ("\u00e9", json.dumps(index).encode())):
        log.cache("https://source.example/api/v1/datasets/exports/index.json", etag, payload)
        server = ScriptedServer(success(index, etag="w2"))
        assert client_of(server, request_log=log).newest_snapshot() == dt.date(2026, 11, 21)
        assert "if-none-match" not in server.requests[0][1]


def test_model_without_a_response_does_not_fail_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(target: str) -> RawResponse:
        if "busy" in target:
            return failure(503)
        return (200, {}, b"<html>") if "garbled" in target else success({"data": {"endpoints": []}})

    body = json.loads(
        client_of(ScriptedServer(respond)).fetch(ENDPOINTS, {}, ["a/here", "a/busy", "a/garbled"]).payload
    )
    assert body["a/here"] == {"data": {"endpoints": []}}
    assert body["a/busy"]["error"]["code"] == 0
    assert "failed after 5 attempts" in body["a/busy"]["error"]["message"]
    assert body["a/garbled"] == {"error": {"code": 0, "message": "its response is not a JSON object"}}
    monkeypatch.setattr(client_module, "MAX_MISSING_MODELS", 1)
    with pytest.raises(SourceError, match=r"2 of 2 models have no usable response.*kept none"):
        client_of(ScriptedServer(respond)).fetch(ENDPOINTS, {}, ["a/busy", "a/garbled", "a/here"])


def test_endpoints_in_any_encoding_are_joined() -> None:
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
    server = ScriptedServer(
        lambda target: (200, {}, bodies[target.removeprefix("/api/v1/models/").removesuffix("/endpoints")])
    )
    joined = json.loads(client_of(server).fetch(ENDPOINTS, {}, list(bodies)).payload.decode("utf-8"))
    failed = {"error": {"code": 0, "message": "its response is not a JSON object"}}
    assert joined == {model: body if model.startswith("a/") else failed for model in bodies}


def test_pages_in_any_encoding_are_joined() -> None:
    first = json.dumps({"data": [{"id": "\ud800"}], "links": {"next": "/api/v1/models?offset=1"}})
    second = json.dumps({"data": [{"id": "é"}]}, ensure_ascii=False)
    server = ScriptedServer((200, {}, first.encode("utf-8-sig")), (200, {}, second.encode("utf-16")))
    rows = json.loads(client_of(server).fetch(MODELS, {}).payload)["data"]
    assert rows == [{"id": "\ud800"}, {"id": "é"}]


def test_total_size_of_pages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_RESPONSE_BYTES", 1024 * 1024)
    page = success({"data": [{"id": number, "text": "x" * 6000} for number in range(100)]})
    with pytest.raises(ResponseError, match="together exceed 1 MiB"):
        client_of(ScriptedServer(page)).fetch(APPS, {})


def test_only_the_unparsable_body_is_refetched() -> None:
    garbled = {"a/once": 1, "a/always": 9}

    def respond(target: str) -> RawResponse:
        model = target.removeprefix("/api/v1/models/").removesuffix("/endpoints")
        garbled[model] = garbled.get(model, 0) - 1
        return (200, {}, b"<html>") if garbled[model] >= 0 else success({"data": {}})

    server, clock = ScriptedServer(respond), VirtualClock(NOON)
    models = ["a/here", "a/once", "a/always"]
    body = json.loads(client_of(server, clock=clock).fetch(ENDPOINTS, {}, models).payload)
    assert body["a/here"] == body["a/once"] == {"data": {}}
    assert body["a/always"]["error"]["code"] == 0
    assert len(server.requests) == 1 + 2 + 3
    assert clock.now() > NOON  # it waited in between


def test_later_page_is_refetched_within_the_quota() -> None:
    full = {"data": [{"app_id": number} for number in range(100)]}
    server = ScriptedServer(success(full), (200, {}, b"<html>"), success({"data": [{"app_id": 100}]}))
    client = client_of(server)
    assert len(json.loads(client.fetch(APPS, {}).payload)["data"]) == 101
    assert client.request_log.remaining_today(NOON) == REQUESTS_PER_DAY - 3


def test_unparsable_index_is_refetched_and_not_cached() -> None:
    index = {"datasets": [{"id": "rankings-daily", "latest_snapshot_date": "2026-11-22"}]}
    server = ScriptedServer((200, {"etag": '"bad"'}, b"<html>"), success(index))
    assert client_of(server).newest_snapshot() == dt.date(2026, 11, 22)
    server = ScriptedServer((200, {"etag": '"bad"'}, b"<html>"))
    client = client_of(server)
    for _ in range(2):
        with pytest.raises(ResponseError, match="does not name the newest snapshot"):
            client.newest_snapshot()
    assert not any("if-none-match" in headers for _, headers in server.requests)


def test_unchanged_index_is_served_from_the_cache(tmp_path: Path) -> None:
    index = {"datasets": [{"id": "rankings-daily", "latest_snapshot_date": "2026-11-22"}]}
    server = ScriptedServer(success(index, etag='"one"'), (304, {}, b""))
    for _ in range(2):
        log = RequestLog(tmp_path / "requests.sqlite")
        assert client_of(server, request_log=log).newest_snapshot() == dt.date(2026, 11, 22)
    assert "if-none-match" not in server.requests[0][1]
    assert server.requests[1][1]["if-none-match"] == '"one"'


@pytest.mark.parametrize("body", [{}, {"datasets": []}, {"datasets": [{"id": "rankings-daily"}]}, []])
def test_index_without_a_snapshot_is_an_error(body: Any) -> None:
    with pytest.raises(ResponseError, match=r"index.json does not name the newest snapshot"):
        client_of(ScriptedServer(success(body))).newest_snapshot()
