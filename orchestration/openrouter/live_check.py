"""Checks the API against what Routerscope expects of it, in at most MAX_REQUESTS requests and without a lake.

Each surface is fetched once, with a short window or its first page, parsed as in a run, and compared with the contract.
`cli/live_check` writes the result for people.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestration.errors import QuotaSpentError, ResponseError, RouterscopeError
from orchestration.openrouter import bodies
from orchestration.openrouter.client import Client, Transcript
from orchestration.openrouter.contract import differences
from orchestration.openrouter.json_fields import describe_error, one_line
from orchestration.openrouter.parsers import DAY
from orchestration.openrouter.surfaces import (
    APPS,
    BENCHMARKS,
    ENDPOINTS,
    MODELS,
    PROVIDERS,
    RANKINGS,
    RANKINGS_EXPORT,
    SESSION_COST,
    TASKS,
    ParsedResponse,
    Response,
    Surface,
    filled_path,
)

# Eleven are planned; the twelfth is for a second page of the list of models. None is repeated.
MAX_REQUESTS = 12
_ONE_DAY = dt.timedelta(days=1)
_WINDOW_DAYS = 7
_WINDOW = ("start_date", "end_date")
# Routers and aliases have no endpoints of their own.
_WITHOUT_ENDPOINTS = ("~", "openrouter/")
_MAX_TEXT_LENGTH = 40
_MAX_EXCERPT_LENGTH = 2_000
# What errors add for runs, which have a lake.
_STATE_OF_A_RUN = re.compile(
    r"(\. Responses already fetched|[.;] [Tt]he lake is unchanged|\. Nothing was fetched|\. No snapshot was).*"
)


class _NoModelError(RouterscopeError):
    """No model is known whose endpoints could be fetched."""


class State(StrEnum):
    """What a run can do with the surface."""

    AS_EXPECTED = "as expected"
    DIFFERS = "differs"  # a run can use it
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    NEEDS_KEY = "needs a key"


@dataclass(frozen=True)
class Result:
    """One surface: its state, its rows and `as_of` if it was parsed, why it has the state, and the first row.

    `additions` are new fields and values, which the API may add at any time; they do not change the state. `problems`,
    `additions` and `excerpt` contain text of the response.
    """

    surface: Surface
    state: State
    problems: tuple[str, ...] = ()
    additions: tuple[str, ...] = ()
    rows: int | None = None
    as_of: dt.datetime | None = None
    excerpt: str = ""


def check(client: Client, transcript: Transcript, progress: Callable[[str], None]) -> Iterator[Result]:
    """The result of each surface, the keyless ones first; `progress` is called with the name of the next one.

    `transcript` is the client's, of MAX_REQUESTS requests. Without a key, surfaces that need one are not checked.
    """
    yesterday = client.clock.now().date() - _ONE_DAY
    week = {"start_date": f"{yesterday - (_WINDOW_DAYS - 1) * _ONE_DAY}", "end_date": f"{yesterday}"}
    models: list[str] = []

    def fetch_export() -> Response:
        return client.fetch(RANKINGS_EXPORT, {"snapshot_date": f"{client.newest_snapshot()}"})

    def fetch_models() -> Response:
        response = client.fetch(MODELS, {"output_modalities": "all"})
        models.extend(_models_with_endpoints(response))
        return response

    def fetch_endpoints() -> Response:
        if not models:
            raise _NoModelError("no model with a price is known")
        return _fetch_endpoints(client, models[0])

    def fetch_page(surface: Surface, params: Mapping[str, str]) -> Callable[[], Response]:
        return lambda: client.fetch(surface, params, first_page_only=True)

    fetches: dict[Surface, Callable[[], Response]] = {
        RANKINGS_EXPORT: fetch_export,
        MODELS: fetch_models,
        ENDPOINTS: fetch_endpoints,
        PROVIDERS: fetch_page(PROVIDERS, {}),
        RANKINGS: fetch_page(RANKINGS, {"period": DAY, **week}),
        APPS: fetch_page(APPS, {"sort": "popular", "start_date": f"{yesterday}", "end_date": f"{yesterday}"}),
        TASKS: fetch_page(TASKS, {"window": "7d"}),
        SESSION_COST: fetch_page(SESSION_COST, {}),
        BENCHMARKS: fetch_page(BENCHMARKS, {}),  # without a source, rows of every shape
    }
    for surface, fetch in fetches.items():
        if surface.needs_key and not client.has_key:
            yield Result(surface, State.NEEDS_KEY)
        else:
            progress(surface.name)
            yield _check(transcript, surface, fetch)


def _models_with_endpoints(response: Response) -> list[str]:
    try:
        rows = MODELS.parse(response).table.select(["id", "alias_target_slug", "pricing_prompt"]).to_pylist()
    except ResponseError:  # reported where the list itself is checked
        return []
    return [
        row["id"]
        for row in rows
        if (row["pricing_prompt"] or 0) > 0
        and not row["alias_target_slug"]
        and not row["id"].startswith(_WITHOUT_ENDPOINTS)
    ]


def _fetch_endpoints(client: Client, model: str) -> Response:
    """The endpoints of one model, as the member of a body that the parser expects."""
    path = filled_path(ENDPOINTS.path, {"model": model})
    http = client.get(path, with_key=True)
    member = bodies.json_member(http.payload)
    if member is None:
        raise ResponseError(f"{client.base_url}{path} returned a body that is not a JSON object.")
    return Response(f"{client.base_url}{path}", bodies.join_members([(model, member)]), http.fetched_at)


def _check(transcript: Transcript, surface: Surface, fetch: Callable[[], Response]) -> Result:
    """The result of a surface, whatever the response; one that came from another host is not shown."""
    sent = len(transcript.exchanges)
    try:
        result = _compare(surface, fetch())
    except (QuotaSpentError, _NoModelError) as error:
        result = Result(surface, State.NOT_CHECKED, (_reason(error),))
    except RouterscopeError as error:
        result = Result(surface, State.FAILED, (_reason(error),))
    except Exception as error:  # a hostile body must not cost the results of the other surfaces
        result = Result(surface, State.FAILED, (describe_error(error),))
    hosts = {exchange.redirected_to for exchange in transcript.exchanges[sent:]} - {""}
    if hosts:
        state = State.FAILED if result.state is State.FAILED else State.DIFFERS
        return Result(surface, state, (f"redirected to {', '.join(sorted(hosts))}",))
    return result


def _compare(surface: Surface, response: Response) -> Result:
    body = None if surface is RANKINGS_EXPORT else _json(response.payload)
    if surface is ENDPOINTS and isinstance(body, dict):  # {model id: body of its response}
        body = next(iter(body.values()), None)
    found = differences(surface, body) if body is not None else []
    problems = [str(one) for one in found if not one.is_addition]
    additions = [str(one) for one in found if one.is_addition]
    try:
        parsed = surface.parse(response)
    except ResponseError as error:
        cause = error.__cause__
        problems.insert(0, describe_error(cause) if isinstance(cause, Exception) else str(error))
        return Result(surface, State.FAILED, tuple(problems), tuple(additions), excerpt=_excerpt(body))
    problems = [*_implausible(surface, response, parsed), *parsed.problems, *problems]
    if surface is RANKINGS_EXPORT:  # which the contract does not describe
        additions += _new_columns(parsed)
    state = State.DIFFERS if problems else State.AS_EXPECTED
    excerpt = _first_lines(response.payload) if surface is RANKINGS_EXPORT else _excerpt(body)
    return Result(surface, state, tuple(problems), tuple(additions), parsed.table.num_rows, parsed.as_of, excerpt)


def _implausible(surface: Surface, response: Response, parsed: ParsedResponse) -> Iterator[str]:
    """What no parser refuses, but no healthy response to these requests has."""
    if not parsed.table.num_rows or (surface is ENDPOINTS and parsed.table.column("endpoint_no").null_count):
        yield "it has no rows"
    requested = {name: response.params[name] for name in _WINDOW if name in response.params}
    returned = {name: parsed.params.get(name) for name in requested}
    if returned != requested:
        yield f"it covers {' to '.join(map(str, returned.values()))}, not {' to '.join(requested.values())}"


def _reason(error: RouterscopeError) -> str:
    """The error, without what it says about the state of a run."""
    return _STATE_OF_A_RUN.sub("", one_line(str(error)))


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _new_columns(parsed: ParsedResponse) -> list[str]:
    found = {name for extra in parsed.table.column("extra").to_pylist() if extra for name in json.loads(extra)}
    return [f"it has the new column `{one_line(name, _MAX_TEXT_LENGTH)}`" for name in sorted(found)]


def _first_lines(payload: bytes) -> str:
    return "\n".join(one_line(line, 2 * _MAX_TEXT_LENGTH) for line in payload[:1000].decode().splitlines()[:3])


def _excerpt(body: Any) -> str:
    """The `data` of a body with the first row of each list and shortened texts; nothing else, such as `meta`."""
    data = body.get("data") if isinstance(body, dict) else None
    text = json.dumps(_shortened(data), indent=1, ensure_ascii=False) if data is not None else ""
    return text if len(text) <= _MAX_EXCERPT_LENGTH else text[:_MAX_EXCERPT_LENGTH] + "\n…"


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {one_line(name, _MAX_TEXT_LENGTH): _shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value):,} in all"] if len(value) > 1 else []
        return [*map(_shortened, value[:1]), *more]
    return one_line(value, _MAX_TEXT_LENGTH) if isinstance(value, str) else value
