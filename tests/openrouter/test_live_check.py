"""What the live check finds, against the simulator with drift, and how many requests it sends."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr
from scripted import KEY, NOON, ScriptedServer, client_of, failure, success

from orchestration.clock import VirtualClock
from orchestration.errors import QuotaSpentError
from orchestration.openrouter.client import Client, Transcript
from orchestration.openrouter.contract import MAX_DIFFERENCES, differences
from orchestration.openrouter.live_check import MAX_REQUESTS, Result, State, check
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import BASE_URL
from orchestration.openrouter.simulator.api import KEY as SIMULATED_KEY
from orchestration.openrouter.surfaces import ENDPOINTS, PROVIDERS, SURFACES
from orchestration.settings import Faults, Simulation

RawResponse = tuple[int, Mapping[str, str], bytes]
Results = dict[str, Result]


def results_of(client: Client, transcript: Transcript) -> Results:
    return {result.surface.name: result for result in check(client, transcript, lambda _: None)}


def checked(
    key: str | None = SIMULATED_KEY, change: Callable[[str, dict[str, Any]], None] | None = None, **faults: Any
) -> tuple[Results, Transcript]:
    """Results by surface; `change` edits the JSON body of each path in place."""
    simulation = Simulation(models=60, days=45, observations=2, faults=Faults(**faults))
    simulator = Simulator(simulation, lambda: NOON, NOON.date())

    def handle(method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        status, more, body = simulator.handle(method, target, headers)
        if change is None or not body.startswith(b'{"data"'):
            return status, more, body
        parsed = json.loads(body)
        change(target, parsed)
        return status, more, json.dumps(parsed).encode()

    transcript = Transcript(MAX_REQUESTS)
    secret = SecretStr(key) if key else None
    client = Client(BASE_URL, secret, clock=VirtualClock(NOON), handler=handle, transcript=transcript)
    return results_of(client, transcript), transcript


def scripted(*responses: Any, key: str | None = KEY) -> tuple[Results, Transcript, ScriptedServer]:
    transcript, server = Transcript(MAX_REQUESTS), ScriptedServer(*responses)
    return results_of(client_of(server, key, transcript=transcript), transcript), transcript, server


def states(results: Results) -> dict[State, set[str]]:
    return {state: {name for name, one in results.items() if one.state is state} for state in State}


def test_every_surface_is_as_expected_in_eleven_requests() -> None:
    results, transcript = checked()
    assert results.keys() == SURFACES.keys()
    assert {(result.state, result.problems) for result in results.values()} == {(State.AS_EXPECTED, ())}
    assert all(result.rows and result.as_of and result.excerpt for result in results.values())
    assert transcript.requests == len(transcript.exchanges) == 11
    assert {exchange.status for exchange in transcript.exchanges} == {200}
    # The contract's list of providers is of August 2026, and the simulator's providers are invented.
    additions = {name: result.additions for name, result in results.items() if result.additions}
    assert additions == {"endpoints": ("`data.endpoints.*.provider_name` has the new value 'Sim Cinder Harbor'",)}


def test_surfaces_that_need_a_key_are_not_checked_without_one() -> None:
    results, transcript = checked(key=None)
    assert states(results)[State.NEEDS_KEY] == {surface.name for surface in SURFACES.values() if surface.needs_key}
    assert transcript.requests == 6


def test_new_fields_are_additions() -> None:
    def add(target: str, body: dict[str, Any]) -> None:
        if "/models?" in target:
            body["data"][3]["pricing"]["sim_price"] = "0.1"
            body["data"][4]["default_parameters"] = {"sim_option": 1}
            body["sim_notice"] = "soon"
        if "/task" in target:
            body["data"]["classifications"][0]["models"][0] |= {f"sim_{number}": 1 for number in range(5)}

    results, _ = checked(change=add)
    assert set(results["models"].additions) == {
        "`data.*.pricing` has the new field `sim_price`",
        "`data.*.default_parameters` has the new field `sim_option`",
        "the body has the new field `sim_notice`",
    }
    assert results["tasks"].additions == (
        "`data.classifications.*.models.*` has the new fields `sim_0`, `sim_1`, `sim_2` and 2 more",
    )
    assert {result.state for result in results.values()} == {State.AS_EXPECTED}


def test_missing_field_differs_from_the_contract() -> None:
    results, _ = checked(drift="missing_field")
    assert (results["models"].state, results["models"].rows) == (State.DIFFERS, 65)
    assert results["models"].problems == ("`data.*` lacks the field `context_length` (65 times)",)


def test_changed_type_fails_with_the_parser_and_the_contract() -> None:
    results, _ = checked(drift="type_change")
    failed = results["models"]
    assert (failed.state, failed.rows) == (State.FAILED, None)
    assert failed.problems == (
        "row 0 of `data`: `name` is {'text': 'Sim Sablewick: Quill 0'}; expected text",
        "`data.*.name` is an object, not string (65 times)",
    )
    assert '"text": "Sim Sablewick: Quill 0"' in failed.excerpt
    assert results["endpoints"].state is State.NOT_CHECKED
    assert results["providers"].state is State.AS_EXPECTED


def test_row_of_another_shape_is_compared_with_the_nearest_one() -> None:
    def drop(target: str, body: dict[str, Any]) -> None:
        if "/benchmarks" in target:
            del body["data"][-1]["display_name"]

    results, _ = checked(change=drop)
    assert results["benchmarks"].state is State.DIFFERS
    assert results["benchmarks"].problems == ("`data.*` lacks the field `display_name`",)


def test_wrong_type_is_no_new_value() -> None:
    def change(target: str, body: dict[str, Any]) -> None:
        if target.endswith("/endpoints"):
            body["data"]["endpoints"][0] |= {"status": {"code": 0}, "quantization": 5}

    results, _ = checked(change=change)
    assert results["endpoints"].problems[1:] == (
        "`data.endpoints.*.quantization` is a number, not string",
        "`data.endpoints.*.status` is an object, not integer",
    )
    assert len(results["endpoints"].additions) == 1  # the provider


def test_price_that_cannot_be_used_is_a_problem() -> None:
    def change(target: str, body: dict[str, Any]) -> None:
        if "/models?" in target:
            body["data"][3]["pricing"]["prompt"] = "12"

    results, _ = checked(change=change)
    assert results["models"].state is State.DIFFERS
    assert "1 price cannot be used, such as: prompt of" in results["models"].problems[0]


def test_empty_lists_and_other_windows_are_problems() -> None:
    def change(target: str, body: dict[str, Any]) -> None:
        if target.endswith("/endpoints"):
            body["data"]["endpoints"] = []
        elif "/app-rankings" in target:
            body["data"] = []
        elif "/rankings-daily" in target:
            body["data"], body["meta"]["start_date"], body["meta"]["end_date"] = [], "2025-03-01", "2025-03-01"

    results, _ = checked(change=change)
    assert states(results)[State.DIFFERS] == {"endpoints", "apps", "rankings"}
    assert results["endpoints"].problems == results["apps"].problems == ("it has no rows",)
    assert results["rankings"].problems[1] == "it covers 2025-03-01 to 2025-03-01, not 2026-11-15 to 2026-11-21"


def test_endpoints_are_those_of_a_model_that_has_some() -> None:
    def change(target: str, body: dict[str, Any]) -> None:
        if "/models?" in target:
            first = body["data"][0]
            routers = [{**first, "id": name} for name in ("~sim/latest", "openrouter/auto", "sim/alias", "sim/free")]
            routers[2]["alias_target"] = {"slug": first["id"]}
            routers[3]["pricing"] = {"prompt": "0", "completion": "0"}
            body["data"] = [*routers, *body["data"]]
            body["total_count"] += 4

    _, transcript = checked(change=change)
    assert "/models/sim-sablewick/quill-0/endpoints" in transcript.exchanges[4].url


def test_bodies_that_are_no_json_fail_without_being_shown() -> None:
    results, transcript = checked(garbage=1.0)
    assert results["providers"].state is State.FAILED
    assert results["providers"].problems == ("it is not JSON (Expecting value: line 1 column 1 (char 0))",)
    assert "busy" not in repr(results)
    assert transcript.requests == 8  # without manifest, snapshot and endpoints


def test_failed_requests_are_not_repeated() -> None:
    results, transcript = checked(server_error=1.0)
    assert results["providers"].problems == (f"{BASE_URL}/providers failed: status 503, Service unavailable",)
    assert transcript.requests == 8
    assert {exchange.status for exchange in transcript.exchanges} == {503}
    results, transcript = checked(timeout=1.0)
    assert {exchange.failure for exchange in transcript.exchanges} == {"simulated: no response in time"}


def test_redirects_count_against_the_limit() -> None:
    server = ScriptedServer((302, {"location": "/api/v1/providers"}, b""))
    transcript = Transcript(2)
    with pytest.raises(QuotaSpentError, match=r"^The limit of 2 requests is reached, so this one was not sent\.$"):
        client_of(server, transcript=transcript).fetch(PROVIDERS, {})
    assert len(server.requests) == transcript.requests == 2


def test_surface_beyond_the_limit_is_not_checked() -> None:
    def page(target: str, body: dict[str, Any]) -> None:
        if "/models?" in target and "offset" not in target:
            body["links"]["next"] = "/api/v1/models?offset=20&limit=20"
            body["data"] = body["data"][:20]

    results, transcript = checked(change=page)
    assert transcript.requests == MAX_REQUESTS
    assert results["models"].problems == ()
    assert states(results)[State.NOT_CHECKED] == {"session_cost", "benchmarks"}
    assert results["benchmarks"].problems == ("The limit of 12 requests is reached, so this one was not sent.",)


def test_response_of_another_host_is_named_but_not_shown() -> None:
    def respond(target: str) -> RawResponse:
        if "portal" in target:
            return 403, {}, b"<title>Hello CORP\\alice</title>"
        return 302, {"location": "https://alice:pass@login.example/portal?session=abc123"}, b""

    results, transcript, _ = scripted(respond, key=None)
    assert results["providers"].problems == ("redirected to https://login.example",)
    assert results["providers"].state is State.FAILED
    shown = repr(results) + repr(transcript.exchanges)
    assert not any(word in shown for word in ("alice", "pass@", "abc123"))


@pytest.mark.parametrize(
    "answer",
    [
        success({"data": [{"slug": [KEY], KEY: 1}]}, location=KEY, echo=KEY),
        (200, {}, ('{"data": [{"slug": ["' + "".join(f"\\u{ord(one):04X}" for one in KEY) + '"]}]}').encode()),
        failure(401, "x" * (200 - len(KEY) // 2) + KEY),
        (302, {"location": f"/{KEY.replace('-', '%2D')}"}, b""),
        ConnectionError(KEY),
    ],
    ids=["plain", "escaped", "cut", "redirect", "error"],
)
def test_no_part_of_the_key_is_shown(answer: Any) -> None:
    results, transcript, _ = scripted(answer)
    assert transcript.exchanges
    shown = repr(results) + repr(transcript.exchanges)
    assert "very" not in shown
    assert "sk-or" not in shown


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b"",
        b'{"data": [1, null, {"id": 1}]}',
        b'{"data": {"data": []}}',
        b'{"data": [{"id": "a/b", "pricing": {"prompt": "1"}}], "links": {"next": "http://["}}',
        b'{"data": [{"slug": "a", "x": ' + b"[" * 900 + b"]" * 900 + b"}]}",
        b'{"data": [{"slug": "a", "x": ' + b"[" * 90_000 + b"]" * 90_000 + b"}]}",
        '{"data": [{"slug": "\ud800"}]}'.encode("utf-16", "surrogatepass"),
    ],
    ids=range(11),
)
def test_hostile_body_costs_only_its_surface(body: bytes) -> None:
    results, _, server = scripted((200, {}, body))
    assert results.keys() == SURFACES.keys()
    assert State.AS_EXPECTED not in {result.state for result in results.values()}
    assert len(server.requests) <= MAX_REQUESTS


@pytest.mark.parametrize("host", ["xn--a", "xn--", "a" * 70])
def test_redirect_to_a_host_that_is_no_name_fails(host: str) -> None:
    results, _, _ = scripted((302, {"location": f"https://{host}/"}, b""), key=None)
    assert {result.state for result in results.values()} >= {State.FAILED}
    assert "cannot be requested" in results["providers"].problems[0]


def test_differences_are_counted_to_a_limit() -> None:
    [difference] = differences(PROVIDERS, {"data": [1] * (MAX_DIFFERENCES + 5)})
    assert str(difference) == "`data.*` is a number, not object (1,000 times)"
    assert differences(ENDPOINTS, None) != []


def test_first_page_is_enough_where_lists_are_long() -> None:
    def fill(target: str, body: dict[str, Any]) -> None:
        if "/session-cost" in target:
            body["data"] = [{**body["data"][0], "app_slug": f"sim-{number}"} for number in range(500)]

    results, transcript = checked(change=fill)
    assert (results["session_cost"].state, results["session_cost"].rows) == (State.AS_EXPECTED, 500)
    assert sum("session-cost" in exchange.url for exchange in transcript.exchanges) == 1


def test_windows_end_with_yesterday() -> None:
    _, transcript = checked()
    [rankings] = [exchange.url for exchange in transcript.exchanges if "/rankings-daily?" in exchange.url]
    yesterday = NOON.date() - dt.timedelta(days=1)
    assert f"end_date={yesterday}" in rankings
    assert f"start_date={yesterday - dt.timedelta(days=6)}" in rankings


def test_excerpt_shows_the_first_row_with_shortened_texts() -> None:
    def change(target: str, body: dict[str, Any]) -> None:
        if "/providers" in target:
            body["data"][0]["terms_of_service_url"] = "https://sim.example/" + "x" * 100
            body["meta"] = {"account": "secret"}

    results, _ = checked(change=change)
    excerpt = json.loads(results["providers"].excerpt)
    assert len(excerpt) == 2
    assert excerpt[1] == "… 60 in all"
    assert excerpt[0]["terms_of_service_url"] == "https://sim.example/" + "x" * 19 + "…"
    assert "secret" not in results["providers"].excerpt
