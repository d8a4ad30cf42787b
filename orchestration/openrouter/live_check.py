"""Checks the API against what Routerscope expects of it, in at most MAX_REQUESTS requests and without a lake.

Each surface is fetched once, with a short window or its first page, parsed as in a run, and compared with the contract.
`cli/live_check` writes the result for people.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from orchestration.errors import ResponseError, RouterscopeError
from orchestration.openrouter.client import Client
from orchestration.openrouter.contract import differences
from orchestration.openrouter.json_fields import one_line
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
)

# Eleven are planned; the twelfth is for a second page of the list of models. None is repeated.
MAX_REQUESTS = 12
_ONE_DAY = dt.timedelta(days=1)
_WINDOW_DAYS = 7
EXTRA = "extra"
_MAX_TEXT_LENGTH = 40
_MAX_ITEMS = 1
_MAX_LINES = 3
_MAX_RAW_LENGTH = 300


class State(StrEnum):
    """What a run can do with the surface."""

    AS_EXPECTED = "as expected"
    DIFFERS = "differs"  # from the contract; a run can use it
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Result:
    """One surface: its state, its rows and `as_of` if it was parsed, why it has the state, and the start of its body.

    `additions` are new fields and values, which the API may add at any time; they do not change the state.
    """

    surface: Surface
    state: State
    rows: int | None = None
    as_of: dt.datetime | None = None
    findings: tuple[str, ...] = ()
    additions: tuple[str, ...] = ()
    excerpt: str = ""


def check(client: Client, progress: Callable[[str], None]) -> Iterator[Result]:
    """The result of each surface, the keyless ones first; `progress` is called with the name of the next one.

    `client` has a transcript of MAX_REQUESTS requests. Without a key, surfaces that need one are not checked.
    """
    yesterday = client.clock.now().date() - _ONE_DAY
    week = {"start_date": f"{yesterday - (_WINDOW_DAYS - 1) * _ONE_DAY}", "end_date": f"{yesterday}"}
    models: list[str] = []

    def fetch_export() -> Response:
        return client.fetch(RANKINGS_EXPORT, {"snapshot_date": f"{client.newest_snapshot()}"})

    def fetch_models() -> Response:
        response = client.fetch(MODELS, {"output_modalities": "all"})
        models.extend(_priced_models(response))
        return response

    def fetch_endpoints() -> Response:
        return client.fetch(ENDPOINTS, {}, models[:1])

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
            yield Result(surface, State.NOT_CHECKED, findings=("needs a key",))
        elif surface is ENDPOINTS and not models:
            yield Result(surface, State.NOT_CHECKED, findings=("needs a model with a price",))
        else:
            progress(surface.name)
            yield _check(surface, fetch)


def _priced_models(response: Response) -> list[str]:
    try:
        rows = MODELS.parse(response).table.select(["id", "pricing_prompt"]).to_pylist()
    except ResponseError:  # reported where the list itself is checked
        return []
    return [row["id"] for row in rows if row["pricing_prompt"]]


def _check(surface: Surface, fetch: Callable[[], Response]) -> Result:
    try:
        response = fetch()
    except RouterscopeError as error:
        return Result(surface, State.FAILED, findings=(_first_sentence(error),))
    body = _json(response.payload)
    excerpt = _excerpt(response.payload, body)
    if surface is ENDPOINTS and isinstance(body, dict):  # {model id: body of its response}
        body = next(iter(body.values()), None)
    found = differences(surface, body) if body is not None else []
    differs = tuple(str(one) for one in found if not one.is_addition)
    additions = tuple(str(one) for one in found if one.is_addition)
    try:
        parsed = surface.parse(response)
    except ResponseError as error:
        return Result(surface, State.FAILED, None, None, (_first_sentence(error), *differs), additions, excerpt)
    differs = (*parsed.problems, *differs)
    additions = (*(f"`{name}` is a new field" for name in _new_fields(surface, parsed)), *additions)
    state = State.DIFFERS if differs else State.AS_EXPECTED
    return Result(surface, state, parsed.table.num_rows, parsed.as_of, differs, additions, excerpt)


def _first_sentence(error: RouterscopeError) -> str:
    """What failed; the sentences after it describe the state of a run, and there is none."""
    return str(error).partition(". ")[0].removesuffix(".") + "."


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _new_fields(surface: Surface, parsed: ParsedResponse) -> list[str]:
    """Paths of the fields that neither a column nor the surface's list of untyped fields has."""
    found: set[str] = set()
    for row in parsed.table.select(_columns_with_extra(surface)).to_pylist():
        for name, value in row.items():
            for extra in [value] if name == EXTRA else [one[EXTRA] for one in value or ()]:
                fields = json.loads(extra or "{}")
                found.update(f"{'' if name == EXTRA else f'{name}.*.'}{one}" for one in _paths(fields))
    return sorted(name for name in found if name.partition(".")[0] not in surface.untyped)


def _columns_with_extra(surface: Surface) -> list[str]:
    """`extra`, and the lists of objects that have one of their own."""
    lists = [field.name for field in surface.schema if pa.types.is_list(field.type)]
    return [EXTRA, *(name for name in lists if pa.types.is_struct(surface.schema.field(name).type.value_type))]


def _paths(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from (f"{name}.{path}" for path in _paths(value))
        else:
            yield name


def _excerpt(payload: bytes, body: Any) -> str:
    """The start of a body for a transcript: with its first rows and shortened texts; of a CSV, the first lines."""
    if body is None:
        lines = payload[:_MAX_RAW_LENGTH].decode(errors="replace").splitlines()
        return "\n".join(one_line(line) for line in lines[:_MAX_LINES])
    return json.dumps(_shortened(body), indent=1, ensure_ascii=False)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {one_line(name, _MAX_TEXT_LENGTH): _shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value):,} in all"] if len(value) > _MAX_ITEMS else []
        return [*map(_shortened, value[:_MAX_ITEMS]), *more]
    return one_line(value, _MAX_TEXT_LENGTH) if isinstance(value, str) else value
