"""Reading the body of each surface's response: JSON (or CSV) → rows in the surface's schema.

A response is read whole or not at all: a body that announces pages which were not fetched is refused. What a surface
is called, cited as and asked for is in `surfaces`; how bytes are come by is in `client` and `replay`.
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
    Fields,
    Repeating,
    boolean,
    day,
    decode,
    from_json,
    instant,
    integer,
    json_object,
    moment,
    number,
    objects,
    one_line,
    price,
    reason,
    small_integer,
    text,
    texts,
    to_json,
    token_count,
)
from orchestration.settings import BASE_URL

DAY = "day"
SLICES = ("modality", "context_bucket", "category", "language_type")
EXPORT_DAYS = 30
# Stands for the HTTP status of a model that gave no answer to be read.
NO_ANSWER = 0
# Clocks of two machines differ; a week or month may still be running when the response is made.
CLOCK_SLACK = dt.timedelta(hours=1)
LONGEST_PERIOD = dt.timedelta(days=31)
# Fields by which an API announces another page, compared without case, `_` and `-`, and the objects that hold them.
_MORE = frozenset(
    {
        "hasmore", "hasnext", "hasnextpage", "next", "nextcursor", "nextlink", "nextoffset", "nextpage",
        "nextpagetoken", "nextpageurl", "nexttoken", "nexturl", "continuationtoken", "hasmorepages",
    }
)  # fmt: skip
_TOTALS = frozenset({"total", "totalcount"})
_AROUND_ROWS = frozenset({"data", "links", "meta", "pageinfo", "pagination", "paging"})
_UNSET = frozenset({"", "false", "none", "null"})
_KEY = re.compile(r"sk-or-[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Response:
    """One response as it came, wherever it came from.

    `label` names it in errors, `fetched_at` is when it was asked for (UTC), `params` are the query's, without a key,
    `preface` is what the source said of the payload beforehand (the manifest of an export), `base_url` is where it came
    from, `is_simulated` whether that is a simulator.
    """

    label: str
    payload: bytes = field(repr=False)
    fetched_at: dt.datetime
    params: Mapping[str, str] = field(default_factory=dict)
    preface: bytes = field(default=b"", repr=False)
    base_url: str = BASE_URL
    is_simulated: bool = False

    @property
    def payload_sha256(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()


@dataclass(frozen=True)
class ParsedResponse:
    """One response, read: rows in the surface's schema, and what the response says of itself.

    `as_of` is when the source made it (UTC), `params` the query that gives it, with the days it covers where it has
    days, `envelope` the JSON of all that is not a row, `problems` what could not be read of one that stands for many.
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


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ResponseError(f"{what} is {type(value).__name__}, not an object")
    return value


def _body(observation: Response) -> dict[str, Any]:
    body = _object(_json(observation.payload), "the body")
    if isinstance(body, Repeating):
        raise ResponseError(f"the body contains `{one_line(body.name)}` twice with different values")
    if body.get("error") and not body.get("data"):
        raise ResponseError(f"the API returned {_said(body['error'])} instead of data")
    return body


def _said(error: Any) -> str:
    """The code and the message of an API's error object, on one line and without a key."""
    told = error if isinstance(error, dict) else {"message": error}
    code, message = told.get("code"), told.get("message")
    said = "error" if code is None else f"error {code}"
    return _KEY.sub("•••", one_line(said if message is None else f"{said} ({message})", limit=200))


def _announcements(around: Any, where: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, plain name and value of each field that stands around the rows."""
    if not isinstance(around, dict):
        return
    for name, value in around.items():
        plain = name.lower().replace("_", "").replace("-", "")
        yield where + name, plain, value
        if plain in _AROUND_ROWS:
            yield from _announcements(value, f"{where}{name}.")


def _is_set(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_set, value.values()))
    return value.strip().lower() not in _UNSET if isinstance(value, str) else bool(value)


def _refuse_part(body: dict[str, Any], what: str = "", rows: int = 0) -> None:
    """Raises ResponseError if the body says that it is a part of a list.

    Looks at the top level and in `data`, `links`, `meta` and `pagination`. With `what` the body's rows are that, and
    `total_count` counts them; elsewhere a total may count tokens or requests.
    """
    for path, name, value in _announcements(body):
        if name in _MORE and _is_set(value):
            raise ResponseError(f"it is only a part of the list, such as its first page: `{one_line(path)}` is set")
        if what and name in _TOTALS and value is not None and value != rows and str(value) != str(rows):
            raise ResponseError(f"it lists {rows} {what} and says that there are {one_line(str(value))} (`{path}`)")


def _refuse_page(body: dict[str, Any], observation: Response) -> None:
    """As `_refuse_part`, for a list that the client fetches by offset and pastes together.

    The client fetches on while a page is full, up to the greatest offset that the API allows; markers are the last
    page's. One on a full page says that the list goes on beyond that offset; one on a shorter page, that it was cut.
    """
    limit, rows = observation.params.get("limit", ""), len(_rows(body))
    if not (limit.isdecimal() and int(limit) and rows and rows % int(limit) == 0):
        _refuse_part(body)


def _rows(body: dict[str, Any], name: str = "data") -> list[Any]:
    rows = body.get(name)
    if not isinstance(rows, list):
        raise ResponseError(f"`{name}` is {type(rows).__name__}, not a list")
    return rows


def _fields(rows: Iterable[Any], name: str = "data") -> Iterator[Fields]:
    for position, row in enumerate(rows):
        where = f"row {position} of `{name}`"
        yield Fields(_object(row, where), where)


def _envelope(body: dict[str, Any]) -> str:
    return to_json({name: value for name, value in body.items() if name != "data"})


def _meta(body: dict[str, Any], observation: Response) -> tuple[Fields, dt.datetime]:
    """What the response says of itself, and when it was made."""
    meta = Fields(_object(body.get("meta"), "`meta`"), "`meta`")
    as_of = meta.require("as_of", instant)
    if as_of > observation.fetched_at + CLOCK_SLACK:
        raise ResponseError(f"`meta`: as_of {as_of} lies after it was fetched, {observation.fetched_at}")
    return meta, as_of


def _window(meta: Fields, as_of: dt.datetime) -> tuple[dt.date, dt.date]:
    start, end = meta.require("start_date", day), meta.require("end_date", day)
    if not start <= end <= as_of.date() + LONGEST_PERIOD:
        raise ResponseError(f"`meta`: {start} to {end} is no window of a response made at {as_of}")
    return start, end


def _each_once(keys: Iterable[object], what: str = "data") -> None:
    """Raises ResponseError if a key repeats; None is no key."""
    seen: set[object] = {None}
    for position, key in enumerate(keys):
        if key is not None and key in seen:
            shown = " on ".join(map(str, key)) if isinstance(key, tuple) else key
            raise ResponseError(f"row {position} of `{what}`: {shown} stands there twice")
        seen.add(key)


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def _slug(fields: Fields) -> str:
    """A row's slug, empty if it has none: one bad row costs no response, and its tokens stay in the denominator."""
    return fields.take("model_permaslug", text) or ""


def _check_slugs(slugs: Iterable[str], dates: Iterable[dt.date]) -> None:
    """Raises ResponseError if no row has a slug, or if one stands twice on a date."""
    keys = [(slug, date) if slug else None for slug, date in zip(slugs, dates, strict=True)]
    if keys and not any(keys):
        raise ResponseError("no row in it has a `model_permaslug`")
    _each_once(keys)


def parse_rankings(observation: Response) -> ParsedResponse:
    body = _body(observation)
    _refuse_part(body)
    meta, as_of = _meta(body, observation)
    start, end = _window(meta, as_of)
    asked = {"period": DAY, **observation.params}
    rows = _rows(body)
    # Column by column, since a history holds some hundred thousand rows.
    columns: dict[str, list[Any]] = {name: [] for name in ("date", "model_permaslug", "total_tokens", "extra")}
    for fields in _fields(rows):
        columns["date"].append(fields.require("date", day))
        columns["model_permaslug"].append(_slug(fields))
        columns["total_tokens"].append(fields.require("total_tokens", token_count))
        columns["extra"].append(fields.extra())
    _check_slugs(columns["model_permaslug"], columns["date"])
    for position, date in enumerate(columns["date"]):
        if asked["period"] == DAY and not start <= date <= end:
            raise ResponseError(
                f"row {position} of `data`: {date} lies outside the response's window, {start} to {end}"
            )
    # The source has lost single days; it has not lost a whole window of them.
    if not rows and end > start and not any(asked.get(name) for name in SLICES):
        raise ResponseError(f"it has no row for any day from {start} to {end}")
    constants = {"period": asked["period"], **{name: asked.get(name) for name in SLICES}}
    for name, value in constants.items():
        columns[name] = [value] * len(rows)
    params = {**observation.params, "start_date": start.isoformat(), "end_date": end.isoformat()}
    return ParsedResponse(pa.table(columns, schema=schemas.RANKINGS), as_of, params, _envelope(body))


def parse_rankings_export(observation: Response) -> ParsedResponse:
    """A dated CSV and its manifest, whose size, checksum and row count it must have."""
    manifest = Fields(_object(_json(observation.preface), "the manifest"), "the manifest")
    as_of, snapshot = manifest.require("retrieved_at", instant), manifest.require("snapshot_date", day)
    told = manifest.inside("files").inside("csv")
    wanted = (told.require("bytes", integer), told.require("sha256", text), manifest.require("row_count", integer))
    if snapshot < dt.date.min + dt.timedelta(days=EXPORT_DAYS):
        raise ResponseError(f"the manifest: `snapshot_date` is {snapshot}, which has no {EXPORT_DAYS} days before it")
    start, end = snapshot - dt.timedelta(days=EXPORT_DAYS), snapshot - dt.timedelta(days=1)
    try:
        lines = csv.DictReader(io.StringIO(decode(observation.payload), newline=""), strict=True)
        header = list(lines.fieldnames or ())
        if len(set(header)) < len(header):
            raise ResponseError(f"its header repeats a column: {one_line(', '.join(header))}")
        rows = [_export_row(line, position, start, end) for position, line in enumerate(lines)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResponseError(f"it is not CSV ({error})") from error
    found = (len(observation.payload), observation.payload_sha256, len(rows))
    if found != wanted:
        raise ResponseError(f"it has {_told(found)}; its manifest says {_told(wanted)}")
    _check_slugs((row["model_permaslug"] for row in rows), (row["date"] for row in rows))
    params = {"snapshot_date": f"{snapshot}", "start_date": f"{start}", "end_date": f"{end}"}
    return ParsedResponse(_table(rows, schemas.RANKINGS_EXPORT), as_of, params, to_json(_json(observation.preface)))


def _told(figures: tuple[int | None, str | None, int | None]) -> str:
    return f"{figures[0]} bytes, SHA-256 {figures[1]} and {figures[2]} rows"


def _export_row(line: dict[str, Any], position: int, start: dt.date, end: dt.date) -> dict[str, Any]:
    where = f"row {position} of the CSV"
    if None in line or None in line.values():
        raise ResponseError(f"{where} has another number of fields than the header")
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
        raise ResponseError(f"{where}: {row['date']} lies outside the snapshot's days, {start} to {end}")
    return row


def _fraction(value: Any) -> float | None:
    """A number as CSV writes it, if DOUBLE holds it."""
    try:
        found = float(value)
    except ValueError:
        raise TypeError("number") from None
    return found if math.isfinite(found) else None


def parse_apps(observation: Response) -> ParsedResponse:
    body = _body(observation)
    _refuse_page(body, observation)
    meta, as_of = _meta(body, observation)
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
            "category": observation.params.get("category"),
            "extra": fields.extra(),
        }
        for fields in _fields(_rows(body))
    ]
    _each_once(row["app_id"] for row in rows)
    params = {**observation.params, "start_date": f"{start}", "end_date": f"{end}"}
    return ParsedResponse(_table(rows, schemas.APPS), as_of, params, _envelope(body))


def parse_tasks(observation: Response) -> ParsedResponse:
    body = _body(observation)
    _refuse_part(body)
    data = _object(body.get("data"), "`data`")
    told = Fields(data, "`data`")
    # The source gives the day only.
    as_of = dt.datetime.combine(told.require("as_of", day), dt.time(), dt.UTC)
    window_days = told.take("window_days", integer)
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
    _each_once((row["tag"] for row in rows), "classifications")
    rest = {name: value for name, value in data.items() if name != "classifications"}
    envelope = to_json({name: value for name, value in body.items() if name != "data"} | {"data": rest})
    return ParsedResponse(_table(rows, schemas.TASKS), as_of, dict(observation.params), envelope)


def _task_model(fields: Fields) -> dict[str, Any]:
    shares = {name: fields.take(name, number) for name in ("tag_usage_share", "tag_token_share")}
    return {"id": fields.require("id", text), **shares, "extra": fields.extra()}


def parse_session_cost(observation: Response) -> ParsedResponse:
    body = _body(observation)
    _refuse_page(body, observation)
    meta, as_of = _meta(body, observation)
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
    _each_once((row["app_slug"], row["model_permaslug"], row["turn_range"]) for row in rows)
    return ParsedResponse(_table(rows, schemas.SESSION_COST), as_of, dict(observation.params), _envelope(body))


def parse_benchmarks(observation: Response) -> ParsedResponse:
    body = _body(observation)
    _, as_of = _meta(body, observation)
    rows = []
    for fields in _fields(_rows(body)):
        row: dict[str, Any] = {name: fields.require(name, text) for name in ("source", "model_permaslug")}
        for name in ("display_name", *schemas.BENCHMARK_TEXTS):
            row[name] = fields.take(name, text)
        for name in schemas.BENCHMARK_FIGURES:
            row[name] = fields.take(name, number)
        row["total_tasks"] = fields.take("total_tasks", integer)
        row["last_run_timestamp"] = fields.take("last_run_timestamp", instant)
        for name in ("tournament_stats", "run_config"):
            row[name] = fields.take(name, json_object)
        pricing = fields.inside("pricing")
        for name in ("prompt", "completion"):
            row[f"pricing_{name}"] = pricing.take(name, price)
        rows.append(row | {"extra": fields.extra()})
    _refuse_part(body, "results", len(rows))
    return ParsedResponse(_table(rows, schemas.BENCHMARKS), as_of, dict(observation.params), _envelope(body))


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


def _parse_model(fields: Fields) -> dict[str, Any]:
    row: dict[str, Any] = {"id": fields.require("id", text)}
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
    return row | _prices(fields) | {"extra": fields.extra()}


def parse_models(observation: Response) -> ParsedResponse:
    body = _body(observation)
    rows = [_parse_model(fields) for fields in _fields(_rows(body))]
    _each_once(row["id"] for row in rows)
    # One model without a price is news; a list without any is a changed format, and would unprice every figure.
    if not any(row["pricing_prompt"] is not None for row in rows):
        raise ResponseError("no model in it has a prompt price that can be read")
    _refuse_part(body, "models", len(rows))
    return ParsedResponse(
        _table(rows, schemas.MODELS), observation.fetched_at, dict(observation.params), _envelope(body)
    )


# What /models says as well is not kept once more for each of its endpoints.
_SAID_BY_MODELS = ("id", "name", "created", "description", "architecture")


def parse_endpoints(observation: Response) -> ParsedResponse:
    """A sweep: model id → the body of its answer, as {"data": …} or {"error": {"code": 404, …}}.

    Each model's answer stands for itself: one that cannot be read is named among the problems, and kept in `extra`.
    """
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    body = _body(observation)
    for model_id, value in body.items():
        try:
            found = _parse_model_endpoints(model_id, value)
            if found[0]["http_status"] not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
                problems.append(f"{observation.label}: {one_line(model_id)} has no answer: {_said(value['error'])}.")
        except Exception as error:
            problems.append(f"{observation.label}: {reason(error)}. It is kept in `extra`; every other answer is read.")
            found = [{"model_id": model_id, "http_status": NO_ANSWER, "extra": to_json({"answer": value})}]
        rows.extend(found)
    if not any(row["http_status"] == HTTPStatus.OK for row in rows):
        raise ResponseError(problems[0] if problems else "not one model in it has endpoints")
    params = dict(observation.params)
    return ParsedResponse(_table(rows, schemas.ENDPOINTS), observation.fetched_at, params, "{}", tuple(problems))


def _parse_model_endpoints(model_id: str, value: Any) -> list[dict[str, Any]]:
    """A row for each endpoint of a model, or one that says that it has none."""
    where = f"the answer for {model_id}"
    answer = Fields(_object(value, where), where)
    _refuse_part(value)
    code = answer.inside("error").take("code", _error_status)
    told = answer.inside("data")
    if value.get("data") is not None and not value.get("error"):
        endpoints = told.require("endpoints", objects)
    else:
        endpoints = told.take("endpoints", objects) or []
    for name in _SAID_BY_MODELS:
        told.take(name, lambda said: said)
    if value.get("data") is None and not value.get("error"):
        raise ResponseError(f"{where} has neither `data` nor `error`")
    if code is None:
        code = int(HTTPStatus.OK) if value.get("data") is not None else NO_ANSWER
    row: dict[str, Any] = {"model_id": model_id, "http_status": code}
    rows = [
        row | _parse_endpoint(Fields(endpoint, f"endpoint {position} of {model_id}"), position)
        for position, endpoint in enumerate(endpoints)
    ] or [dict(row)]
    if left := answer.extra():
        rows[-1]["extra"] = to_json({**json.loads(rows[-1].get("extra") or "{}"), "answer": json.loads(left)})
    return rows


def _error_status(value: Any) -> int | None:
    """The HTTP status of an error; 0 is the client's own, for a model without an answer."""
    code = integer(value)
    return code if code is not None and (code == NO_ANSWER or 400 <= code < 600) else None


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


def parse_providers(observation: Response) -> ParsedResponse:
    body = _body(observation)
    rows = []
    for fields in _fields(_rows(body)):
        row: dict[str, Any] = {"slug": fields.require("slug", text), "datacenters": fields.take("datacenters", texts)}
        for name in ("name", "headquarters", "privacy_policy_url", "terms_of_service_url", "status_page_url"):
            row[name] = fields.take(name, text)
        rows.append(row | {"extra": fields.extra()})
    if not rows:
        raise ResponseError("it lists no provider")
    _refuse_part(body, "providers", len(rows))
    _each_once(row["slug"] for row in rows)
    return ParsedResponse(
        _table(rows, schemas.PROVIDERS), observation.fetched_at, dict(observation.params), _envelope(body)
    )
