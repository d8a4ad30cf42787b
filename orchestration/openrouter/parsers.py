"""The parser of each surface: the body of a response (JSON or CSV) → rows in the surface's schema.

A response is parsed whole or not at all: a body that announces pages which were not fetched raises ResponseError. The
names, requests and citations of surfaces are in `surfaces`; `client` and `recordings` fetch responses.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pyarrow as pa

from orchestration.errors import ResponseError
from orchestration.openrouter import schemas
from orchestration.openrouter.json_fields import (
    PRICE_LIMIT,
    AmbiguousObject,
    Fields,
    boolean,
    day,
    decode,
    describe_error,
    from_json,
    integer,
    json_object,
    json_type,
    number,
    objects,
    one_line,
    price,
    small_integer,
    text,
    texts,
    timestamp,
    to_json,
    token_count,
    unix_time,
)
from orchestration.settings import BASE_URL

DAY = "day"
SLICES = ("modality", "context_bucket", "category", "language_type")
EXPORT_DAYS = 30
# HTTP status that is recorded for a model without a usable response.
NO_RESPONSE = 0
# How far the clocks of two machines may differ.
MAX_CLOCK_DIFFERENCE = dt.timedelta(hours=1)
# The week or month of a response may still be in progress.
MAX_PERIOD = dt.timedelta(days=31)
# Fields by which an API announces another page, without `_` and `-` and in lowercase.
_NEXT_PAGE_FIELDS = frozenset(
    {
        "hasmore", "hasnext", "hasnextpage", "next", "nextcursor", "nextlink", "nextoffset", "nextpage",
        "nextpagetoken", "nextpageurl", "nexttoken", "nexturl", "continuationtoken", "hasmorepages",
    }
)  # fmt: skip
_TOTAL_FIELDS = frozenset({"total", "totalcount"})
# The objects that hold such fields.
_ENVELOPE_OBJECTS = frozenset({"data", "links", "meta", "pageinfo", "pagination", "paging"})
_UNSET_VALUES = frozenset({"", "false", "none", "null"})
KEY = re.compile(r"sk-or-[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Response:
    """One response of a surface, unparsed.

    `label` names it in errors, `fetched_at` is the time of its request (UTC), `params` are the parameters of the query,
    without a key, `manifest` is the manifest of an export (empty for other surfaces), `base_url` is the address of the
    API, and `is_simulated` says whether that is a simulator.
    """

    label: str
    payload: bytes = field(repr=False)
    fetched_at: dt.datetime
    params: Mapping[str, str] = field(default_factory=dict)
    manifest: bytes = field(default=b"", repr=False)
    base_url: str = BASE_URL
    is_simulated: bool = False

    @property
    def payload_sha256(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()


@dataclass(frozen=True)
class ParsedResponse:
    """One parsed response: rows in the surface's schema, and the metadata of the response.

    `as_of` is when the source made it (UTC), `params` are the parameters of the query with the days that the response
    covers, `envelope` is the JSON of everything except the rows, `problems` describes parts that could not be parsed.
    """

    table: pa.Table
    as_of: dt.datetime
    params: Mapping[str, str]
    envelope: str
    problems: tuple[str, ...] = ()


def _json(payload: bytes) -> Any:
    try:
        return from_json(payload)
    except (ValueError, RecursionError) as error:
        raise ResponseError(f"it is not JSON ({error})") from error


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ResponseError(f"{where} is {json_type(value)}; expected an object")
    return value


def _body(response: Response) -> dict[str, Any]:
    body = _object(_json(response.payload), "the body")
    if isinstance(body, AmbiguousObject):
        raise ResponseError(f"the body contains `{one_line(body.repeated_name)}` twice with different values")
    if body.get("error") and not body.get("data"):
        raise ResponseError(f"the API returned {_describe_api_error(body['error'])} instead of data")
    return body


def _describe_api_error(error: Any) -> str:
    """The code and the message of an API's error object, on one line and without a key."""
    fields = error if isinstance(error, dict) else {"message": error}
    code, message = fields.get("code"), fields.get("message")
    shown = "error" if code is None else f"error {code}"
    return KEY.sub("•••", one_line(shown if message is None else f"{shown} ({message})", limit=200))


def _envelope_fields(envelope: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, normalized name and value of each field outside the rows."""
    if not isinstance(envelope, dict):
        return
    for name, value in envelope.items():
        normalized = name.lower().replace("_", "").replace("-", "")
        yield path + name, normalized, value
        if normalized in _ENVELOPE_OBJECTS:
            yield from _envelope_fields(value, f"{path}{name}.")


def _is_set(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_set, value.values()))
    return value.strip().lower() not in _UNSET_VALUES if isinstance(value, str) else bool(value)


def _check_complete(body: dict[str, Any], noun: str = "", rows: int = 0) -> None:
    """Raises ResponseError if the body announces that it is only a part of a list.

    Checks the fields at the top level and in `data`, `links`, `meta` and `pagination`. If `noun` names the rows, a
    total must equal their number; without it, a total may count tokens or requests.
    """
    for path, name, value in _envelope_fields(body):
        if name in _NEXT_PAGE_FIELDS and _is_set(value):
            raise ResponseError(f"it is only a part of the list, such as its first page: `{one_line(path)}` is set")
        if noun and name in _TOTAL_FIELDS and value is not None and value != rows and str(value) != str(rows):
            raise ResponseError(f"it lists {rows} {noun}, but `{path}` is {one_line(str(value))}")


def _check_pages_complete(body: dict[str, Any], response: Response) -> None:
    """Like `_check_complete`, for a list that the client fetches by offset and joins.

    The client fetches pages as long as they are full, up to the greatest offset that the API allows, and the body has
    the last page's fields. If that page is full, its markers mean that the list continues after the greatest offset. If
    it is shorter, they mean that the list was cut short.
    """
    limit, rows = response.params.get("limit", ""), len(_rows(body))
    if not (limit.isdecimal() and int(limit) and rows and rows % int(limit) == 0):
        _check_complete(body)


def _rows(body: dict[str, Any], name: str = "data") -> list[Any]:
    rows = body.get(name)
    if not isinstance(rows, list):
        raise ResponseError(f"`{name}` is {json_type(rows)}; expected an array")
    return rows


def _fields(rows: Iterable[Any], name: str = "data") -> Iterator[Fields]:
    for position, row in enumerate(rows):
        where = f"row {position} of `{name}`"
        yield Fields(_object(row, where), where)


def _envelope(body: dict[str, Any]) -> str:
    return to_json({name: value for name, value in body.items() if name != "data"})


def _meta(body: dict[str, Any], response: Response) -> tuple[Fields, dt.datetime]:
    """The `meta` object of the body, and when the source made the response."""
    meta = Fields(_object(body.get("meta"), "`meta`"), "`meta`")
    as_of = meta.require("as_of", timestamp)
    if as_of > response.fetched_at + MAX_CLOCK_DIFFERENCE:
        raise ResponseError(f"`meta`: as_of is {as_of}, later than it was fetched, {response.fetched_at}")
    return meta, as_of


def _window(meta: Fields, as_of: dt.datetime) -> tuple[dt.date, dt.date]:
    start, end = meta.require("start_date", day), meta.require("end_date", day)
    if not start <= end <= as_of.date() + MAX_PERIOD:
        raise ResponseError(f"`meta`: {start} to {end} is not a valid window of a response made at {as_of}")
    return start, end


def _check_unique(keys: Iterable[object], name: str = "data") -> None:
    """Raises ResponseError if a key repeats; None is ignored."""
    seen: set[object] = {None}
    for position, key in enumerate(keys):
        if key is not None and key in seen:
            shown = " on ".join(map(str, key)) if isinstance(key, tuple) else key
            raise ResponseError(f"row {position} of `{name}`: {shown} appears twice")
        seen.add(key)


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def _slug(fields: Fields) -> str:
    """A row's slug; empty if it has none, because the row's tokens are still part of every denominator."""
    return fields.take("model_permaslug", text) or ""


def _check_slugs(slugs: Iterable[str], dates: Iterable[dt.date]) -> None:
    """Raises ResponseError if no row has a slug, or if one appears twice on a date."""
    keys = [(slug, date) if slug else None for slug, date in zip(slugs, dates, strict=True)]
    if keys and not any(keys):
        raise ResponseError("none of its rows has a `model_permaslug`")
    _check_unique(keys)


def parse_rankings(response: Response) -> ParsedResponse:
    body = _body(response)
    _check_complete(body)
    meta, as_of = _meta(body, response)
    start, end = _window(meta, as_of)
    query = {"period": DAY, **response.params}
    rows = _rows(body)
    # Column by column for speed: a history has several hundred thousand rows.
    columns: dict[str, list[Any]] = {name: [] for name in ("date", "model_permaslug", "total_tokens", "extra")}
    for fields in _fields(rows):
        columns["date"].append(fields.require("date", day))
        columns["model_permaslug"].append(_slug(fields))
        columns["total_tokens"].append(fields.require("total_tokens", token_count))
        columns["extra"].append(fields.extra())
    _check_slugs(columns["model_permaslug"], columns["date"])
    for position, date in enumerate(columns["date"]):
        if query["period"] == DAY and not start <= date <= end:
            raise ResponseError(f"row {position} of `data`: {date} is outside the response's window, {start} to {end}")
    # Individual days are missing at the source, but a window without any rows is not plausible.
    if not rows and end > start and not any(query.get(name) for name in SLICES):
        raise ResponseError(f"it has no rows for any day from {start} to {end}")
    constants = {"period": query["period"], **{name: query.get(name) for name in SLICES}}
    for name, value in constants.items():
        columns[name] = [value] * len(rows)
    params = {**response.params, "start_date": start.isoformat(), "end_date": end.isoformat()}
    return ParsedResponse(pa.table(columns, schema=schemas.RANKINGS), as_of, params, _envelope(body))


def parse_rankings_export(response: Response) -> ParsedResponse:
    """A dated CSV. Raises ResponseError unless its size, checksum and row count are those of its manifest."""
    manifest = Fields(_object(_json(response.manifest), "the manifest"), "the manifest")
    as_of, snapshot = manifest.require("retrieved_at", timestamp), manifest.require("snapshot_date", day)
    file = manifest.inside("files").inside("csv")
    expected = (file.require("bytes", integer), file.require("sha256", text), manifest.require("row_count", integer))
    if snapshot < dt.date.min + dt.timedelta(days=EXPORT_DAYS):
        raise ResponseError(
            f"the manifest: `snapshot_date` is {snapshot}, with fewer than {EXPORT_DAYS} days before it"
        )
    start, end = snapshot - dt.timedelta(days=EXPORT_DAYS), snapshot - dt.timedelta(days=1)
    try:
        lines = csv.DictReader(io.StringIO(decode(response.payload), newline=""), strict=True)
        header = list(lines.fieldnames or ())
        if len(set(header)) < len(header):
            raise ResponseError(f"its header repeats a column: {one_line(', '.join(header))}")
        rows = [_export_row(line, position, start, end) for position, line in enumerate(lines)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResponseError(f"it is not CSV ({error})") from error
    found = (len(response.payload), response.payload_sha256, len(rows))
    if found != expected:
        raise ResponseError(f"it has {_describe_file(*found)}; its manifest lists {_describe_file(*expected)}")
    _check_slugs((row["model_permaslug"] for row in rows), (row["date"] for row in rows))
    params = {"snapshot_date": f"{snapshot}", "start_date": f"{start}", "end_date": f"{end}"}
    return ParsedResponse(_table(rows, schemas.RANKINGS_EXPORT), as_of, params, to_json(_json(response.manifest)))


def _describe_file(size_bytes: int, sha256: str, rows: int) -> str:
    return f"{size_bytes} bytes, SHA-256 {sha256} and {rows} rows"


def _export_row(line: dict[str, Any], position: int, start: dt.date, end: dt.date) -> dict[str, Any]:
    where = f"row {position} of the CSV"
    if None in line or None in line.values():
        raise ResponseError(f"{where} has a different number of fields than the header")
    fields = Fields({name: value for name, value in line.items() if value != ""}, where)
    row: dict[str, Any] = {
        "date": fields.require("date", day),
        "model_permaslug": _slug(fields),
        "rank": fields.take("rank", token_count),
        "total_tokens": fields.require("total_tokens", token_count),
        "share_of_daily_tokens": fields.take("share_of_daily_tokens", _fraction),
        "extra": fields.extra(),
    }
    if not start <= row["date"] <= end:
        raise ResponseError(f"{where}: {row['date']} is outside the snapshot's days, {start} to {end}")
    return row


def _fraction(value: Any) -> float | None:
    """A number in CSV, if it fits DOUBLE."""
    try:
        found = float(value)
    except ValueError:
        raise TypeError("number") from None
    return found if math.isfinite(found) else None


def parse_apps(response: Response) -> ParsedResponse:
    body = _body(response)
    _check_pages_complete(body, response)
    meta, as_of = _meta(body, response)
    start, end = _window(meta, as_of)
    rows = [
        {
            "start_date": start,
            "end_date": end,
            "rank": fields.require("rank", integer),
            "app_id": fields.require("app_id", integer),
            "app_name": fields.take("app_name", text),
            "total_tokens": fields.require("total_tokens", token_count),
            "total_requests": fields.take("total_requests", token_count),
            "category": response.params.get("category"),
            "extra": fields.extra(),
        }
        for fields in _fields(_rows(body))
    ]
    _check_unique(row["app_id"] for row in rows)
    params = {**response.params, "start_date": f"{start}", "end_date": f"{end}"}
    return ParsedResponse(_table(rows, schemas.APPS), as_of, params, _envelope(body))


def parse_tasks(response: Response) -> ParsedResponse:
    body = _body(response)
    _check_complete(body)
    data = _object(body.get("data"), "`data`")
    summary = Fields(data, "`data`")
    # The source dates tasks by the day only.
    as_of = dt.datetime.combine(summary.require("as_of", day), dt.time(), dt.UTC)
    window_days = summary.take("window_days", integer)
    rows = []
    for fields in _fields(_rows(data, "classifications"), "classifications"):
        row: dict[str, Any] = {"tag": fields.require("tag", text), "window_days": window_days}
        for name in ("display_name", "macro_category"):
            row[name] = fields.take(name, text)
        for name in ("usage_share", "token_share", "category_usage_share", "category_token_share"):
            row[name] = fields.take(name, number)
        models = fields.take("models", objects) or []
        row["models"] = [_task_model(Fields(model, f"`models` of tag {row['tag']}")) for model in models]
        rows.append(row | {"extra": fields.extra()})
    _check_unique((row["tag"] for row in rows), "classifications")
    rest = {name: value for name, value in data.items() if name != "classifications"}
    envelope = to_json({name: value for name, value in body.items() if name != "data"} | {"data": rest})
    return ParsedResponse(_table(rows, schemas.TASKS), as_of, dict(response.params), envelope)


def _task_model(fields: Fields) -> dict[str, Any]:
    shares = {name: fields.take(name, number) for name in ("tag_usage_share", "tag_token_share")}
    return {"id": fields.require("id", text), **shares, "extra": fields.extra()}


def parse_session_cost(response: Response) -> ParsedResponse:
    body = _body(response)
    _check_pages_complete(body, response)
    meta, as_of = _meta(body, response)
    window = {"window_days": meta.take("window_days", integer), "window_end_date": meta.take("window_end_date", day)}
    rows = [
        {
            **{name: fields.require(name, text) for name in ("app_slug", "model_permaslug", "turn_range")},
            "app_name": fields.take("app_name", text),
            "median_session_cost_usd": fields.take("median_session_cost_usd", number),
            **window,
            "extra": fields.extra(),
        }
        for fields in _fields(_rows(body))
    ]
    _check_unique((row["app_slug"], row["model_permaslug"], row["turn_range"]) for row in rows)
    return ParsedResponse(_table(rows, schemas.SESSION_COST), as_of, dict(response.params), _envelope(body))


def parse_benchmarks(response: Response) -> ParsedResponse:
    body = _body(response)
    _, as_of = _meta(body, response)
    rows = []
    for fields in _fields(_rows(body)):
        row: dict[str, Any] = {name: fields.require(name, text) for name in ("source", "model_permaslug")}
        for name in ("display_name", *schemas.BENCHMARK_TEXTS):
            row[name] = fields.take(name, text)
        for name in schemas.BENCHMARK_FIGURES:
            row[name] = fields.take(name, number)
        row["total_tasks"] = fields.take("total_tasks", integer)
        row["last_run_timestamp"] = fields.take("last_run_timestamp", timestamp)
        for name in ("tournament_stats", "run_config"):
            row[name] = fields.take(name, json_object)
        pricing = fields.inside("pricing")
        for name in ("prompt", "completion"):
            row[f"pricing_{name}"] = pricing.take(name, price)
        rows.append(row | {"extra": fields.extra()})
    _check_complete(body, "results", len(rows))
    problems = _price_problems(response, rows, "model_permaslug")
    return ParsedResponse(_table(rows, schemas.BENCHMARKS), as_of, dict(response.params), _envelope(body), problems)


def _parse_override(value: dict[str, Any], where: str) -> dict[str, Any]:
    fields = Fields(value, where)
    conditions = {"min_prompt_tokens": fields.take("min_prompt_tokens", integer)}
    conditions |= {name: fields.take(name, small_integer) for name in ("utc_start", "utc_end")}
    prices = {name: fields.take(name, price) for name in schemas.PRICES}
    return conditions | prices | {"extra": fields.extra()}


def _prices(fields: Fields) -> dict[str, Any]:
    pricing = fields.inside("pricing")
    overrides = pricing.take("overrides", objects)
    prices = {f"pricing_{name}": pricing.take(name, price) for name in schemas.PRICES}
    return prices | {
        "pricing_overrides": overrides and [_parse_override(one, f"{pricing.where}, `overrides`") for one in overrides]
    }


def _price_problems(response: Response, rows: Iterable[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    """A sentence about the prices that their columns cannot hold, if there are any; `key` identifies a row."""
    found = [f"{name} of {row[key]} is {value!r}" for row in rows for name, value in _unusable_prices(row)]
    if not found:
        return ()
    count = "1 price" if len(found) == 1 else f"{len(found):,} prices"
    return (
        f"{response.label}: {count} cannot be used, such as: {one_line(found[0], 200)}. A price must be below "
        f"{PRICE_LIMIT} USD a unit, with at most {schemas.PRICE.scale} decimals. Other prices are kept in `extra`, and "
        "no figure uses them.",
    )


def _unusable_prices(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    left = [json.loads(row["extra"]).get("pricing")] if row.get("extra") else []
    left += [json.loads(override["extra"]) for override in row.get("pricing_overrides") or () if override["extra"]]
    for fields in left:
        if isinstance(fields, dict):
            yield from ((name, value) for name, value in fields.items() if name in schemas.PRICES)


def _parse_model(fields: Fields) -> dict[str, Any]:
    row: dict[str, Any] = {"id": fields.require("id", text)}
    for name in ("canonical_slug", "name", "description", "expiration_date", "knowledge_cutoff", "hugging_face_id"):
        row[name] = fields.take(name, text)
    row["created"] = fields.take("created", unix_time)
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
    return row | _prices(fields) | {"extra": fields.extra()}


def parse_models(response: Response) -> ParsedResponse:
    body = _body(response)
    rows = [_parse_model(fields) for fields in _fields(_rows(body))]
    _check_unique(row["id"] for row in rows)
    # Some models may have no price. If no model has one, the format has changed, and no figure could be priced.
    if not any(row["pricing_prompt"] is not None for row in rows):
        raise ResponseError("none of its models has a prompt price that can be parsed")
    _check_complete(body, "models", len(rows))
    problems = _price_problems(response, rows, "id")
    params = dict(response.params)
    return ParsedResponse(_table(rows, schemas.MODELS), response.fetched_at, params, _envelope(body), problems)


# Fields that /models also has, and that are not repeated for each endpoint.
_FIELDS_OF_MODELS = ("id", "name", "created", "description", "architecture")


def parse_endpoints(response: Response) -> ParsedResponse:
    """The endpoints of every model: model id → the body of its response, {"data": …} or {"error": {"code": 404, …}}.

    A model whose response cannot be parsed becomes a problem and one row, with its body in `extra`.
    """
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    body = _body(response)
    for model_id, value in body.items():
        try:
            found = _parse_model_endpoints(model_id, value)
            if found[0]["http_status"] not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
                failure = _describe_api_error(value["error"])
                problems.append(f"{response.label}: {one_line(model_id)} has no usable response: {failure}.")
        except Exception as error:
            problems.append(
                f"{response.label}: {describe_error(error)}. The model's response is kept in `extra`; the responses of "
                "all other models are parsed."
            )
            found = [{"model_id": model_id, "http_status": NO_RESPONSE, "extra": to_json({"answer": value})}]
        rows.extend(found)
    if not any(row["http_status"] == HTTPStatus.OK for row in rows):
        raise ResponseError(problems[0] if problems else "none of its models has endpoints")
    problems += _price_problems(response, rows, "model_id")
    params = dict(response.params)
    return ParsedResponse(_table(rows, schemas.ENDPOINTS), response.fetched_at, params, "{}", tuple(problems))


def _parse_model_endpoints(model_id: str, value: Any) -> list[dict[str, Any]]:
    """A row for each endpoint of a model, or one row if the model has no endpoints."""
    where = f"the response for {model_id}"
    fields = Fields(_object(value, where), where)
    _check_complete(value)
    code = fields.inside("error").take("code", _error_status)
    data = fields.inside("data")
    if value.get("data") is not None and not value.get("error"):
        endpoints = data.require("endpoints", objects)
    else:
        endpoints = data.take("endpoints", objects) or []
    for name in _FIELDS_OF_MODELS:
        data.take(name, lambda ignored: ignored)
    if value.get("data") is None and not value.get("error"):
        raise ResponseError(f"{where} has neither `data` nor `error`")
    if code is None:
        code = int(HTTPStatus.OK) if value.get("data") is not None else NO_RESPONSE
    row: dict[str, Any] = {"model_id": model_id, "http_status": code}
    rows = [
        row | _parse_endpoint(Fields(endpoint, f"endpoint {position} of {model_id}"), position)
        for position, endpoint in enumerate(endpoints)
    ] or [dict(row)]
    if left := fields.extra():
        rows[-1]["extra"] = to_json({**json.loads(rows[-1].get("extra") or "{}"), "answer": json.loads(left)})
    return rows


def _error_status(value: Any) -> int | None:
    """The HTTP status of an error, or the client's own NO_RESPONSE."""
    code = integer(value)
    return code if code is not None and (code == NO_RESPONSE or 400 <= code < 600) else None


def _parse_endpoint(fields: Fields, position: int) -> dict[str, Any]:
    row: dict[str, Any] = {"endpoint_no": position}
    for name in ("provider_name", "tag", "name", "quantization"):
        row[name] = fields.take(name, text)
    for name in ("context_length", "max_prompt_tokens", "max_completion_tokens"):
        row[name] = fields.take(name, integer)
    row["status"] = fields.take("status", small_integer)
    row["supported_parameters"] = fields.take("supported_parameters", texts)
    row["supports_implicit_caching"] = fields.take("supports_implicit_caching", boolean)
    for name in ("uptime_last_5m", "uptime_last_30m", "uptime_last_1d"):
        row[name] = fields.take(name, number)
    for name in ("latency_last_30m", "throughput_last_30m"):
        percentiles = fields.inside(name)
        measured = {at: percentiles.take(at, number) for at in ("p50", "p75", "p90", "p99")}
        row[name] = measured if any(value is not None for value in measured.values()) else None
    return row | _prices(fields) | {"extra": fields.extra()}


def parse_providers(response: Response) -> ParsedResponse:
    body = _body(response)
    rows = []
    for fields in _fields(_rows(body)):
        row: dict[str, Any] = {"slug": fields.require("slug", text), "datacenters": fields.take("datacenters", texts)}
        for name in ("name", "headquarters", "privacy_policy_url", "terms_of_service_url", "status_page_url"):
            row[name] = fields.take(name, text)
        rows.append(row | {"extra": fields.extra()})
    if not rows:
        raise ResponseError("it lists no providers")
    _check_complete(body, "providers", len(rows))
    _check_unique(row["slug"] for row in rows)
    return ParsedResponse(_table(rows, schemas.PROVIDERS), response.fetched_at, dict(response.params), _envelope(body))
