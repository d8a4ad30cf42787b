"""What the live check finds, against the simulator with drift, and how many requests it sends."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr
from scripted import KEY, NOON, ScriptedServer, client_of, failure, success

from orchestration.clock import VirtualClock
from orchestration.errors import SourceError
from orchestration.openrouter.client import Client, Transcript
from orchestration.openrouter.live_check import MAX_REQUESTS, Result, State, check
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import BASE_URL
from orchestration.openrouter.simulator.api import KEY as SIMULATED_KEY
from orchestration.openrouter.surfaces import PROVIDERS, SURFACES
from orchestration.settings import Faults, Simulation

RawResponse = tuple[int, Mapping[str, str], bytes]
Change = Callable[[str, dict[str, Any]], None]


def checked(
    key: str | None = SIMULATED_KEY, change: Change | None = None, **faults: Any
) -> tuple[dict[str, Result], Transcript]:
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
    return {result.surface.name: result for result in check(client, lambda _: None)}, transcript


def test_every_surface_is_as_expected_in_eleven_requests() -> None:
    results, transcript = checked()
    assert results.keys() == SURFACES.keys()
    assert {(result.state, result.findings) for result in results.values()} == {(State.AS_EXPECTED, ())}
    assert all(result.rows and result.as_of and result.excerpt for result in results.values())
    assert transcript.requests == len(transcript.exchanges) == 11
    assert {exchange.status for exchange in transcript.exchanges} == {200}
    # The list of providers is of August 2026; the API adds new ones at any time.
    assert {name for name, result in results.items() if result.additions} == {"endpoints"}
    assert "provider_name` has the new value" in results["endpoints"].additions[0]


def test_surfaces_that_need_a_key_are_not_checked_without_one() -> None:
    results, transcript = checked(key=None)
    unchecked = {name for name, result in results.items() if result.state is State.NOT_CHECKED}
    assert unchecked == {surface.name for surface in SURFACES.values() if surface.needs_key}
    assert transcript.requests == 6


def test_new_fields_are_additions() -> None:
    def add(target: str, body: dict[str, Any]) -> None:
        if "/models?" in target:
            body["data"][3]["pricing"]["sim_price"] = "0.1"
            body["data"][4]["pricing"]["overrides"] = [{"min_prompt_tokens": 1000, "sim_condition": {"from": 1}}]
        if "/task" in target:
            body["data"]["classifications"][0]["models"][0]["sim_share"] = 0.5

    results, _ = checked(change=add)
    assert results["models"].additions == (
        "`pricing.sim_price` is a new field",
        "`pricing_overrides.*.sim_condition.from` is a new field",
    )
    assert results["tasks"].additions == ("`models.*.sim_share` is a new field",)
    assert {result.state for result in results.values()} == {State.AS_EXPECTED}


def test_missing_field_differs_from_the_contract() -> None:
    results, _ = checked(drift="missing_field")
    assert (results["models"].state, results["models"].rows) == (State.DIFFERS, 65)
    assert results["models"].findings == ("`data.*` has no `context_length` (65 times)",)


def test_changed_type_fails_with_the_parser_and_the_contract() -> None:
    results, _ = checked(drift="type_change")
    failed = results["models"]
    assert (failed.state, failed.rows) == (State.FAILED, None)
    assert "`name` is {'text': 'Sim Sablewick: Quill 0'}; expected text." in failed.findings[0]
    assert failed.findings[1].startswith('`data.*.name` is {"text": "Sim ')
    assert failed.findings[1].endswith("; the contract says string (65 times)")
    assert '"text": "Sim Sablewick: Quill 0"' in failed.excerpt
    assert results["endpoints"].state is State.NOT_CHECKED
    assert results["providers"].state is State.AS_EXPECTED


def test_row_of_another_shape_is_compared_with_the_nearest_one() -> None:
    def drop(target: str, body: dict[str, Any]) -> None:
        if "/benchmarks" in target:
            del body["data"][0]["display_name"]

    results, _ = checked(change=drop)
    assert results["benchmarks"].state is State.DIFFERS
    assert results["benchmarks"].findings == ("`data.*` has no `display_name`",)


def test_responses_that_are_no_json_fail_with_their_start() -> None:
    results, transcript = checked(garbage=1.0)
    assert results["providers"].state is State.FAILED
    assert "it is not JSON" in results["providers"].findings[0]
    assert results["providers"].excerpt == "<html>simulated: busy</html>"
    assert transcript.requests == 8  # without manifest, snapshot and endpoints


def test_failed_requests_are_not_repeated() -> None:
    results, transcript = checked(server_error=1.0)
    assert results["providers"].findings == (f"{BASE_URL}/providers failed: status 503, Service unavailable.",)
    assert transcript.requests == 8
    assert {exchange.status for exchange in transcript.exchanges} == {503}
    results, transcript = checked(timeout=1.0)
    assert {exchange.failure for exchange in transcript.exchanges} == {"simulated: no response in time"}


def test_pages_and_redirects_count_against_the_limit() -> None:
    server = ScriptedServer((302, {"location": "/api/v1/providers"}, b""))
    transcript = Transcript(2)
    with pytest.raises(SourceError, match=r"^The limit of 2 requests is reached, so this one was not sent\.$"):
        client_of(server, transcript=transcript).fetch(PROVIDERS, {})
    assert len(server.requests) == transcript.requests == 2


def test_transcript_never_contains_the_key() -> None:
    def echo(target: str) -> RawResponse:
        return success({"data": [{"slug": KEY}]}, location=target, echo=KEY)

    for server in (
        ScriptedServer(echo),
        ScriptedServer(failure(401, f"no {KEY}")),
        ScriptedServer(ConnectionError(KEY)),
    ):
        transcript = Transcript(MAX_REQUESTS)
        results = list(check(client_of(server, transcript=transcript), lambda _: None))
        assert transcript.exchanges
        assert KEY not in repr(results) + repr(transcript)


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
