"""The data surfaces of OpenRouter: one entry each, saying how to ask, what to cite, and how to read the answer.

A surface is added by adding its entry, its schema and its staging model. How bytes are come by (`replay`) and where
rows are kept does not belong here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from orchestration.errors import ResponseError
from orchestration.openrouter import schemas
from orchestration.openrouter.parsing import (
    Fields,
    boolean,
    day,
    instant,
    integer,
    json_object,
    moment,
    price,
    text,
    texts,
    to_json,
    token_count,
)

BASE_URL = "https://openrouter.ai/api/v1"
OTHER = "other"
DAY = "day"
# Clocks of two machines differ; a week or month may still be running when the response is made.
CLOCK_SLACK = dt.timedelta(hours=1)
LONGEST_PERIOD = dt.timedelta(days=31)


@dataclass(frozen=True)
class Observation:
    """One response as it came, wherever it came from.

    `label` names it in errors, `fetched_at` is when it was asked for (UTC), `params` are the query's, without a key.
    """

    label: str
    payload: bytes = field(repr=False)
    fetched_at: dt.datetime
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload_sha256(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()


@dataclass(frozen=True)
class Answer:
    """One response, read: rows in the surface's schema, and what the response says of itself.

    `as_of` is when the source made it (UTC), `params` the query that gives it, with the days it covers where it has
    days, `envelope` the JSON of all that is not a row.
    """

    table: pa.Table
    as_of: dt.datetime
    params: Mapping[str, str]
    envelope: str


@dataclass(frozen=True)
class Surface:
    """One kind of question to OpenRouter.

    `name` is the raw table; `path` lies below the base URL; `source_url` is the public page to cite; `citation`
    has `{as_of}` to fill in; `untyped` are known fields that are deliberately left in `extra`; `recordings` is the
    folder of recorded responses.
    """

    name: str
    path: str
    source_url: str
    citation: str
    licence: str
    schema: pa.Schema
    schema_version: int
    recordings: str
    untyped: frozenset[str]
    _read: Callable[[Any, Observation], Answer]

    def read(self, observation: Observation) -> Answer:
        """Rows and dates of one response. Raises ResponseError naming the response if it cannot be read whole."""
        try:
            return self._read(_json(observation.payload), observation)
        except ResponseError as error:
            raise ResponseError(
                f"{observation.label} cannot be read as a response of {self.path}: {error}. "
                "Nothing of it was written; every other response is kept."
            ) from error

    def request_url(self, params: Mapping[str, str]) -> str:
        """The URL that gives this response; never holds a key, which travels in a header."""
        return BASE_URL + self.path + ("?" + urlencode(sorted(params.items())) if params else "")


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ResponseError(f"it is not JSON ({error})") from error


def _envelope(body: dict[str, Any]) -> str:
    return to_json({name: value for name, value in body.items() if name != "data"})


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ResponseError(f"{what} is {type(value).__name__}, not an object")
    return value


def _rows(body: Any) -> Iterator[dict[str, Any]]:
    data = _object(body, "the body").get("data")
    if not isinstance(data, list):
        raise ResponseError(f"`data` is {type(data).__name__}, not a list")
    for number, row in enumerate(data):
        yield _object(row, f"row {number} of `data`")


def _required(fields: Fields, name: str, read: Callable[[Any], Any], value: Any, where: str) -> Any:
    taken = fields.take(name, read)
    if taken is None:
        raise ResponseError(f"{where}: `{name}` is {value!r}, which is no {read.__name__.replace('_', ' ')}")
    return taken


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def _read_rankings(body: Any, observation: Observation) -> Answer:
    meta = _object(_object(body, "the body").get("meta"), "`meta`")
    as_of, start, end = (
        _required(Fields(meta), name, read, meta.get(name), "`meta`")
        for name, read in (("as_of", instant), ("start_date", day), ("end_date", day))
    )
    if as_of > observation.fetched_at + CLOCK_SLACK:
        raise ResponseError(f"`meta`: as_of {as_of} lies after it was fetched, {observation.fetched_at}")
    if not start <= end <= as_of.date() + LONGEST_PERIOD:
        raise ResponseError(f"`meta`: {start} to {end} is no window of a response made at {as_of}")
    asked = {"period": DAY, **observation.params}
    slices = {name: asked.get(name) for name in ("modality", "context_bucket", "category", "language_type")}
    rows: list[dict[str, Any]] = []
    seen: set[tuple[dt.date, str]] = set()
    for number, value in enumerate(_rows(body)):
        fields, where = Fields(value), f"row {number} of `data`"
        date = _required(fields, "date", day, value.get("date"), where)
        slug = _required(fields, "model_permaslug", text, value.get("model_permaslug"), where)
        tokens = _required(fields, "total_tokens", token_count, value.get("total_tokens"), where)
        if (date, slug) in seen:
            raise ResponseError(f"{where}: {slug} on {date} stands there twice")
        if asked["period"] == DAY and not start <= date <= end:
            raise ResponseError(f"{where}: {date} lies outside the response's window, {start} to {end}")
        seen.add((date, slug))
        rows.append(
            {"date": date, "model_permaslug": slug, "total_tokens": tokens, "period": asked["period"], **slices}
            | {"extra": fields.extra()}
        )
    # The source has lost single days; it has not lost a whole window of them.
    if not rows and end > start:
        raise ResponseError(f"it has no row for any day from {start} to {end}")
    params = {**observation.params, "start_date": start.isoformat(), "end_date": end.isoformat()}
    return Answer(_table(rows, schemas.RANKINGS), as_of, params, _envelope(body))


def _read_override(value: dict[str, Any]) -> dict[str, Any]:
    fields = Fields(value)
    conditions = {name: fields.take(name, integer) for name in ("min_prompt_tokens", "utc_start", "utc_end")}
    prices = {name: fields.take(name, price) for name in schemas.PRICES}
    return conditions | prices | {"extra": fields.extra()}


def _overrides(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    return [_read_override(item) for item in value]


def _read_model(value: dict[str, Any], where: str) -> dict[str, Any]:
    fields = Fields(value)
    row: dict[str, Any] = {"id": _required(fields, "id", text, value.get("id"), where)}
    for name in ("canonical_slug", "name", "description", "expiration_date", "knowledge_cutoff", "hugging_face_id"):
        row[name] = fields.take(name, text)
    row["created"] = fields.take("created", moment)
    row["context_length"] = fields.take("context_length", integer)
    row["supported_parameters"] = fields.take("supported_parameters", texts)
    row["reasoning"] = fields.take("reasoning", json_object)
    row["benchmarks"] = fields.take("benchmarks", json_object)
    row["alias_target_slug"] = fields.inside("alias_target").take("slug", text)
    architecture = fields.inside("architecture")
    for name in ("modality", "tokenizer", "instruct_type"):
        row[name] = architecture.take(name, text)
    for name in ("input_modalities", "output_modalities"):
        row[name] = architecture.take(name, texts)
    provider = fields.inside("top_provider")
    row["top_provider_context_length"] = provider.take("context_length", integer)
    row["top_provider_max_completion_tokens"] = provider.take("max_completion_tokens", integer)
    row["top_provider_is_moderated"] = provider.take("is_moderated", boolean)
    pricing = fields.inside("pricing")
    for name in schemas.PRICES:
        row[f"pricing_{name}"] = pricing.take(name, price)
    row["pricing_overrides"] = pricing.take("overrides", _overrides)
    row["extra"] = fields.extra()
    return row


def _read_models(body: Any, observation: Observation) -> Answer:
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, value in enumerate(_rows(body)):
        row = _read_model(value, f"row {number} of `data`")
        if row["id"] in seen:
            raise ResponseError(f"row {number} of `data`: {row['id']} stands there twice")
        seen.add(row["id"])
        rows.append(row)
    # One model without a price is news; a list without any is a changed format, and would unprice every figure.
    if not any(row["pricing_prompt"] is not None for row in rows):
        raise ResponseError("no model in it has a prompt price that can be read")
    if Fields(body).inside("links").take("next", text):
        raise ResponseError("it is only the first page of the list (`links.next` is set)")
    return Answer(_table(rows, schemas.MODELS), observation.fetched_at, dict(observation.params), _envelope(body))


RANKINGS = Surface(
    name="rankings",
    path="/datasets/rankings-daily",
    source_url="https://openrouter.ai/rankings",
    citation="Source: OpenRouter (openrouter.ai/rankings), as of {as_of}.",
    licence="CC BY 4.0",
    schema=schemas.RANKINGS,
    schema_version=1,
    recordings="rankings-daily",
    untyped=frozenset(),
    _read=_read_rankings,
)

MODELS = Surface(
    name="models",
    path="/models",
    source_url="https://openrouter.ai/api/v1/models",
    citation="Source: OpenRouter (openrouter.ai/api/v1/models), observed {as_of}.",
    licence="none stated",
    schema=schemas.MODELS,
    schema_version=1,
    recordings="models",
    untyped=frozenset({"default_parameters", "links", "per_request_limits", "supported_voices", "alias_target"}),
    _read=_read_models,
)

SURFACES = {surface.name: surface for surface in (RANKINGS, MODELS)}
