"""The API of the simulated OpenRouter: paths, parameters, key, quotas, pages, and faults on demand.

The same object serves in this process (as the client's handler) and over HTTP (in `server`). The data is generated in
`world`; nothing here depends on how it is parsed.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import heapq
import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from random import Random
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from orchestration.openrouter.simulator.world import Model, World
from orchestration.openrouter.surfaces import (
    APP_CATEGORIES,
    BENCHMARK_SOURCES,
    CATEGORIES,
    CONTEXT_BUCKETS,
    LANGUAGE_TYPES,
    MODALITIES,
    SIMULATOR_HEADER,
)
from orchestration.settings import Simulation

BASE_URL = "https://simulator.invalid/api/v1"
KEY = "simulated-key"
FIRST_SNAPSHOT = dt.date(2026, 9, 19)
_PUBLISHED_AT = dt.time(1, 46, 15, 433_000)
_MAX_RANKED_MODELS = 50
_MAX_WINDOW_DAYS = 366
_REQUESTS_PER_MINUTE, _REQUESTS_PER_DAY = 30, 500
_TURNS = (("1-turn", 1.0), ("2-9-turns", 3.5), ("10-49-turns", 16.0), ("50-plus-turns", 70.0))
_TASKS = (("code", "Code", 0.5), ("writing", "Writing", 0.3), ("data", "Data", 0.2))

RawResponse = tuple[int, Mapping[str, str], bytes]  # status, headers, body
Query = Mapping[str, str]


class _ApiError(Exception):
    """An error response of the API."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}


class Simulator:
    """Serves requests for one simulated world. `now` returns its time (UTC), `last_day` is the end of its data."""

    def __init__(
        self,
        settings: Simulation,
        now: Callable[[], dt.datetime],
        last_day: dt.date,
        sleep: Callable[[float], None] = lambda seconds: None,  # noqa: ARG005
    ) -> None:
        self.world = World(settings, last_day)
        self._now, self._sleep = now, sleep
        self._faults, self._chance = settings.faults, Random(settings.seed)  # noqa: S311
        self._keyed_requests: dict[dt.date, list[dt.datetime]] = {}
        self.request_counts: dict[str, int] = {}  # by path
        self.rate_limited_count = 0
        self._lock = threading.RLock()

    def handle(self, method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        """Status, headers and body. Raises TimeoutError or ConnectionError if a fault prevents a response."""
        with self._lock:
            address = urlsplit(target)
            path = unquote(address.path).removeprefix("/api/v1")
            query = {name: values[-1] for name, values in parse_qs(address.query).items()}
            self.request_counts[path] = self.request_counts.get(path, 0) + 1
            common = {SIMULATOR_HEADER: "1", "content-type": "application/json"}
            try:
                self._apply_faults()
                status, more, body = self._route(method, path, query, headers)
            except _ApiError as error:
                self.rate_limited_count += error.status == 429
                error_body = {"error": {"code": error.status, "message": str(error)}}
                status, more, body = error.status, error.headers, json.dumps(error_body).encode()
            return status, {**common, **more}, self._drift(body, status)

    # --- faults -------------------------------------------------------------------------------------------------------

    def _apply_faults(self) -> None:
        faults = self._faults
        self._sleep(faults.latency_seconds)
        if self._chance.random() < faults.too_many_requests:
            raise _ApiError(429, "Rate limit exceeded", {"retry-after": "1"})
        if self._chance.random() < faults.server_error:
            raise _ApiError(503, "Service unavailable")
        if self._chance.random() < faults.timeout:
            raise TimeoutError("simulated: no response in time")
        if self._chance.random() < faults.cut:
            raise ConnectionError("simulated: the body was cut")

    def _drift(self, body: bytes, status: int) -> bytes:
        if status == 200 and self._chance.random() < self._faults.garbage:
            return b"<html>simulated: busy</html>"
        if status != 200 or not self._faults.drift or not body.startswith(b'{"data":['):
            return body
        parsed = json.loads(body)
        for row in parsed["data"]:
            if self._faults.drift == "new_field":
                row["sim_new_field"] = "drifted"
            elif self._faults.drift == "missing_field":
                row.pop("context_length", None)
            elif "name" in row:
                row["name"] = {"text": row["name"]}
        return json.dumps(parsed).encode()

    # --- key and quota ------------------------------------------------------------------------------------------------

    def _check_key(self, headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != f"Bearer {KEY}":
            raise _ApiError(401, "Missing Authentication header")
        now = self._now()
        today = self._keyed_requests.setdefault(now.date(), [])
        if len(today) >= _REQUESTS_PER_DAY:
            midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
            raise _ApiError(429, "Daily limit reached", {"retry-after": str(int((midnight - now).total_seconds()) + 1)})
        newest = [at for day in self._keyed_requests.values() for at in day[-_REQUESTS_PER_MINUTE:]]
        if sum(dt.timedelta() <= now - at < _MINUTE for at in newest) >= _REQUESTS_PER_MINUTE:
            raise _ApiError(429, "Rate limit exceeded", {"retry-after": "60"})
        today.append(now)

    # --- paths --------------------------------------------------------------------------------------------------------

    def _route(self, method: str, path: str, query: Query, headers: Mapping[str, str]) -> RawResponse:
        if method != "GET":
            raise _ApiError(405, "Method not allowed")
        keyed: dict[str, Callable[[Query], Any]] = {
            "/datasets/rankings-daily": self._rankings,
            "/datasets/app-rankings": self._app_rankings,
            "/datasets/session-cost": self._session_cost,
            "/classifications/task": self._tasks,
            "/benchmarks": self._benchmarks,
        }
        if path in keyed:
            self._check_key(headers)
            body = keyed[path](query)
            return 200, {}, body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        if path == "/models":
            return 200, {}, self._models(query)
        if path == "/providers":
            return 200, {}, self._providers()
        if match := re.fullmatch(r"/models/([^/]+/[^/]+)/endpoints", path):
            return 200, {}, self._endpoints(match[1], has_key=headers.get("authorization") == f"Bearer {KEY}")
        if path.startswith("/datasets/exports/"):
            return self._export(path.removeprefix("/datasets/exports/"), headers)
        raise _ApiError(404, "Resource not found")

    # --- rankings -----------------------------------------------------------------------------------------------------

    def _rankings(self, query: Query) -> bytes:
        period = _one_of(query, "period", ("day", "week", "month")) or "day"
        slices = {
            "modality": _one_of(query, "modality", MODALITIES),
            "context_bucket": _one_of(query, "context_bucket", CONTEXT_BUCKETS),
            "category": _one_of(query, "category", CATEGORIES),
            "language_type": _one_of(query, "language_type", LANGUAGE_TYPES),
        }
        selected = {name: value for name, value in slices.items() if value}
        is_sampled = "category" in selected or "language_type" in selected
        if is_sampled and (period == "day" or len(selected) > 1):
            raise _ApiError(400, "category and language_type take period=week or month and no other slice")
        start, end = self._window(query)
        parts = [f"{name}={value}" for name, value in selected.items()]
        today = self._now().date()
        rows: list[str] = []
        for first, days in _calendar(period, start, end):
            by_slug: dict[str, float] = {}
            for day in days:
                if day > today:
                    continue
                for tokens, model in self.world.reported_tokens(day, today):
                    share = 1.0
                    for part in parts:
                        share *= model.slices[part]
                    by_slug[model.permaslug] = by_slug.get(model.permaslug, 0) + tokens * share
            if is_sampled:
                random = Random(f"{self.world.settings.seed}/{parts}/{first}")  # noqa: S311
                by_slug = {slug: tokens * random.lognormvariate(0, 0.1) for slug, tokens in by_slug.items()}
            rows += [_row(first, slug, tokens) for slug, tokens in top(by_slug)]
        meta = json.dumps({"as_of": _iso(self._now()), "version": "v1", "start_date": f"{start}", "end_date": f"{end}"})
        return f'{{"data":[{",".join(rows)}],"meta":{meta}}}'.encode()

    def _window(self, query: Query) -> tuple[dt.date, dt.date]:
        end = _date(query, "end_date") or self._now().date() - dt.timedelta(days=1)
        start = _date(query, "start_date") or end - dt.timedelta(days=29)
        first = dt.date(2025, 1, 1)
        if end < first or start > end:
            raise _ApiError(400, "end_date is before start_date or before 2025-01-01")
        if (end - start).days >= _MAX_WINDOW_DAYS:
            raise _ApiError(400, "The window may hold at most 366 days")
        return max(start, first), end

    # --- exports ------------------------------------------------------------------------------------------------------

    def _export(self, name: str, headers: Mapping[str, str]) -> RawResponse:
        now = self._now()
        newest = now.date() if now.time() >= _PUBLISHED_AT else now.date() - dt.timedelta(days=1)
        if newest < FIRST_SNAPSHOT:
            raise _ApiError(404, "Resource not found")
        kind = "application/json"
        if name == "index.json":
            body = _index(newest)
        elif match := re.fullmatch(r"rankings-daily/(latest|\d{4}-\d{2}-\d{2})\.(manifest\.json|csv|json)", name):
            snapshot = newest if match[1] == "latest" else _date({"date": match[1]}, "date")
            if snapshot is None or not FIRST_SNAPSHOT <= snapshot <= newest:
                raise _ApiError(404, "Resource not found")
            body = self._snapshot(snapshot)[match[2]]
            kind = "text/csv" if match[2] == "csv" else kind
        else:
            raise _ApiError(404, "Resource not found")
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        more = {"etag": etag, "cache-control": "max-age=300", "content-type": kind}
        return (304, more, b"") if headers.get("if-none-match") == etag else (200, more, body)

    @lru_cache(maxsize=32)  # noqa: B019  # a simulator lives as long as its process
    def _snapshot(self, snapshot: dt.date) -> dict[str, bytes]:
        """A dated snapshot, which never changes: the trailing 30 days as CSV, as JSON, and the manifest of both."""
        sheet = io.StringIO(newline="")
        columns = ["date", "model_permaslug", "rank", "total_tokens", "share_of_daily_tokens"]
        lines = csv.writer(sheet)
        lines.writerow(columns)
        rows = []
        for back in range(30, 0, -1):
            date = snapshot - dt.timedelta(days=back)
            by_slug = {model.permaslug: tokens for tokens, model in self.world.reported_tokens(date, snapshot)}
            total = sum(by_slug.values())
            for rank, (slug, tokens) in enumerate(top(by_slug), start=1):
                row: list[Any] = [f"{date}", slug, "" if slug == "other" else rank, int(tokens), tokens / total]
                lines.writerow(row)
                rows.append(dict(zip(columns, row, strict=True)) | {"rank": row[2] or None})
        files = {"csv": sheet.getvalue().encode(), "json": json.dumps(rows).encode()}
        folder = f"{BASE_URL}/datasets/exports/rankings-daily"
        manifest = {
            "dataset": "rankings-daily",
            "schema_version": "v1",
            "snapshot_date": f"{snapshot}",
            "retrieved_at": _iso(dt.datetime.combine(snapshot, _PUBLISHED_AT, dt.UTC)),
            "row_count": len(rows),
            "update_cadence": "daily",
            "attribution": "Simulated; not data of OpenRouter.",
            "files": {
                kind: {
                    "url": f"{folder}/{snapshot}.{kind}",
                    "bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
                for kind, content in files.items()
            },
        }
        return {**files, "manifest.json": json.dumps(manifest).encode()}

    # --- apps, session cost, tasks, benchmarks ------------------------------------------------------------------------

    def _app_rankings(self, query: Query) -> Any:
        category = _one_of(query, "category", APP_CATEGORIES)
        sort = _one_of(query, "sort", ("popular", "trending")) or "popular"
        limit, offset = _number(query, "limit", 50, 1, 100), _number(query, "offset", 0, 0, 100)
        start, end = self._window(query)
        tokens = self._app_tokens(start, end)
        if sort == "trending":
            before = self._app_tokens(start - (end - start) - dt.timedelta(days=1), start - dt.timedelta(days=1))
            tokens = [now - then for now, then in zip(tokens, before, strict=True)]
        ranked = sorted(zip(tokens, self.world.apps, strict=True), key=lambda pair: -pair[0])
        ranked = [(count, app) for count, app in ranked if count > 0 and category in (None, app.category)]
        rows = [
            {
                "rank": rank,
                "app_id": app.id,
                "app_name": app.name(self._now().date()),
                "total_tokens": str(count),
                "total_requests": max(int(count / app.tokens_per_request), 1),
            }
            for rank, (count, app) in enumerate(ranked, start=1)
        ]
        return {"data": rows[offset : offset + limit], "meta": self._meta(start_date=f"{start}", end_date=f"{end}")}

    def _app_tokens(self, start: dt.date, end: dt.date) -> list[int]:
        days = [start + dt.timedelta(days=number) for number in range((end - start).days + 1)]
        return [sum(counts) for counts in zip(*map(self.world.app_traffic, days), strict=True)]

    def _session_cost(self, query: Query) -> Any:
        limit, offset = _number(query, "limit", 100, 1, 500), _number(query, "offset", 0, 0, 5000)
        rows = [
            {
                "app_slug": app.names[0][1].lower().replace(" ", "-"),
                "app_name": app.name(self._now().date()),
                "turn_range": turns,
                "model_permaslug": model.permaslug,
                "median_session_cost_usd": round(1_000 * factor * model.prompt * (1 + app.id % 5), 4),
            }
            for app in self.world.apps[:10]
            for model in self._leaders()[:8]
            for turns, factor in _TURNS
        ]
        window = {"window_days": 30, "window_end_date": f"{self._now().date() - dt.timedelta(days=1)}"}
        return {"data": rows[offset : offset + limit], "meta": self._meta(**window)}

    def _leaders(self) -> list[Model]:
        yesterday = self._now().date() - dt.timedelta(days=1)
        reported = self.world.reported_tokens(yesterday, yesterday)
        return [model for _, model in sorted(reported, key=lambda pair: -pair[0])[:40]]

    def _tasks(self, query: Query) -> Any:
        _one_of(query, "window", ("7d",))
        leaders, tags = self._leaders(), []
        for key, label, part in _TASKS:
            for number, within in enumerate((0.6, 0.3, 0.1)):
                tags.append(
                    {
                        "tag": f"{key}:sim_{number}",
                        "display_name": f"Sim {label} {number}",
                        "macro_category": key,
                        "usage_share": part * within,
                        "token_share": part * within,
                        "category_usage_share": within,
                        "category_token_share": within,
                        "models": [
                            {"id": model.id, "tag_usage_share": 0.4 / (at + 1), "tag_token_share": 0.4 / (at + 1)}
                            for at, model in enumerate(leaders[number : number + 5])
                        ],
                    }
                )
        macros = [{"key": key, "label": label, "usage_share": part, "token_share": part} for key, label, part in _TASKS]
        today = f"{self._now().date()}"
        return {"data": {"window_days": 7, "as_of": today, "classifications": tags, "macro_categories": macros}}

    def _benchmarks(self, query: Query) -> Any:
        source = _one_of(query, "source", BENCHMARK_SOURCES)
        rows = []
        for model in self.world.listed(self._now().date()):
            if model.kind != "text" or model.variant != "standard" or model.number % 5 > 2:
                continue
            random = Random(f"{self.world.settings.seed}/benchmark/{model.id}")  # noqa: S311
            index = random.uniform(15, 75)
            common: dict[str, Any] = {"model_permaslug": model.slug, "display_name": model.name}
            pricing = {"prompt": _usd(model.prompt), "completion": _usd(model.prompt * model.completion_ratio)}
            if source in (None, "artificial-analysis"):
                indices = {"intelligence_index": round(index, 1), "coding_index": round(index * 0.9, 1)}
                agentic = {"agentic_index": None if model.number % 4 else round(index * 0.8, 1)}
                rows.append({"source": "artificial-analysis", **common, **indices, **agentic, "pricing": pricing})
            if source in (None, "design-arena") and model.number % 2:
                stats = {"first_place": 4, "second_place": 3, "third_place": 2, "fourth_place": 1, "total": 10}
                arena = {"arena": "models", "category": "website", "elo": round(900 + 8 * index, 1), "win_rate": index}
                times = {"avg_generation_time_ms": None, "tournament_stats": stats, "pricing": pricing}
                rows.append({"source": "design-arena", **common, **arena, **times})
            if source in (None, "openrouter"):
                run = {"total_tasks": 300, "last_run_timestamp": _iso(self._now() - dt.timedelta(days=3))}
                costs = {"avg_cost_per_task": round(400 * model.prompt, 6)}
                common = {"source": "openrouter", **common, **run, **costs}
                accuracy = {"accuracy": index / 100, "accuracy_stddev": 0.03}
                rows.append({**common, "benchmark_type": "gpqa_diamond", **accuracy})
                search = {"primary_metric": "accuracy", "primary_score": index / 110, "avg_latency_per_task_ms": 45_210}
                with_what = {"search_engine": "sim-engine", "search_surface": "plugin"}
                rows.append({**common, "benchmark_type": "search_hle", **search, **with_what})
        models = len({row["model_permaslug"] for row in rows})
        about = {"source": source, "source_url": None, "citation": None, "model_count": models, "task_type": None}
        return {"data": rows, "meta": self._meta(**about)}

    # --- models, endpoints, providers ---------------------------------------------------------------------------------

    def _models(self, query: Query) -> bytes:
        limit, offset = _number(query, "limit", 500, 1, 1000), _number(query, "offset", 0, 0, 10**9)
        today = self._now().date()
        found = self.world.listed(today)
        if query.get("output_modalities") != "all":
            found = [model for model in found if model.id not in self.world.unlisted_models]
        rows = ",".join(self._model(model, model.price_factor(today)) for model in found[offset : offset + limit])
        after = offset + limit
        link = f'"/api/v1/models?offset={after}&limit={limit}"' if after < len(found) else "null"
        return f'{{"data":[{rows}],"total_count":{len(found)},"links":{{"next":{link}}}}}'.encode()

    @cache  # noqa: B019
    def _model(self, model: Model, factor: float) -> str:
        row = {
            "id": model.id,
            "canonical_slug": model.slug,
            "hugging_face_id": f"{model.author}/{model.id.split('/')[1]}" if model.is_open else "",
            "name": model.name,
            "created": int(dt.datetime.combine(model.launched, dt.time(), dt.UTC).timestamp()),
            "description": f"{model.name} is simulated: there is no such model.",
            "context_length": model.context,
            "architecture": _architecture(model),
            "pricing": _pricing(model, factor),
            "top_provider": {
                "context_length": model.context,
                "max_completion_tokens": model.context // 8,
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": _parameters(model),
            "default_parameters": None,
            "supported_voices": None,
            "knowledge_cutoff": None,
            "expiration_date": f"{model.retired}" if model.retired and model.number % 3 == 0 else None,
            "links": {"details": f"/api/v1/models/{model.slug}/endpoints"},
        }
        if model.is_reasoning:
            row["reasoning"] = {"mandatory": False, "default_enabled": True}
        return json.dumps(row, separators=(",", ":"))

    def _endpoints(self, model_id: str, has_key: bool) -> bytes:
        today = self._now().date()
        model = next((variant for variant in self._by_id().get(model_id, ()) if variant.is_listed(today)), None)
        if model is None:
            raise _ApiError(404, "Resource not found")
        random = Random(f"{self.world.settings.seed}/{model.id}/{today}")  # noqa: S311
        endpoints = []
        for provider, tag, factor, quantization in model.endpoints:
            is_up = random.random() > 0.1
            uptime = None if random.random() < 0.18 else round(random.uniform(97, 100) if is_up else 60.0, 3)
            speed = random.uniform(20, 180)
            endpoints.append(
                {
                    "name": f"{self.world.providers[provider][1]} | {model.id}",
                    "model_id": model.id,
                    "model_name": model.name,
                    "context_length": model.context,
                    "pricing": {**_pricing(model, factor * model.price_factor(today)), "discount": 0},
                    "provider_name": self.world.providers[provider][1],
                    "tag": tag,
                    "quantization": quantization,
                    "max_completion_tokens": model.context // 8,
                    "max_prompt_tokens": None,
                    "supported_parameters": _parameters(model),
                    "status": 0 if is_up else random.choice((-2, -5)),
                    "uptime_last_30m": uptime,
                    "uptime_last_5m": uptime,
                    "uptime_last_1d": uptime,
                    "supports_implicit_caching": False,
                    "latency_last_30m": _percentiles(random.uniform(0.2, 3)) if has_key else None,
                    "throughput_last_30m": _percentiles(speed) if has_key else None,
                }
            )
        data = {
            "id": model.id,
            "name": model.name,
            "created": int(dt.datetime.combine(model.launched, dt.time(), dt.UTC).timestamp()),
            "description": f"{model.name} is simulated: there is no such model.",
            "architecture": _architecture(model),
            "endpoints": endpoints,
        }
        return json.dumps({"data": data}, separators=(",", ":")).encode()

    @lru_cache(maxsize=1)  # noqa: B019
    def _by_id(self) -> dict[str, list[Model]]:
        found: dict[str, list[Model]] = {}
        for model in self.world.models:
            found.setdefault(model.id, []).append(model)
        return found

    def _providers(self) -> bytes:
        rows = [
            {
                "name": name,
                "slug": slug,
                "privacy_policy_url": None,
                "terms_of_service_url": None,
                "status_page_url": None,
                # Antarctica, so that no country appears to be the home of an invented provider.
                "headquarters": "AQ",
                "datacenters": ["AQ"] if number % 3 else None,
            }
            for number, (slug, name) in enumerate(self.world.providers)
        ]
        return json.dumps({"data": rows}).encode()

    def _meta(self, **more: Any) -> dict[str, Any]:
        return {"as_of": _iso(self._now()), "version": "v1", **more}


_MINUTE = dt.timedelta(minutes=1)
# Requests that use up a day's quota wait this long.
MAX_WAITS = _MINUTE * (1 + _REQUESTS_PER_DAY // _REQUESTS_PER_MINUTE)


def default_now(now: dt.datetime) -> dt.datetime:
    """The simulator's time unless one is set: so long before `now` that waiting for the quota does not pass it.

    Until the export of the day before is published, it is late on that day, with time to wait. A run at 02:10 UTC, as
    `refresh_daily` is scheduled, has that export.
    """
    started = (now - MAX_WAITS).replace(second=0, microsecond=0)
    return started if started.time() > _PUBLISHED_AT else started.replace(hour=0, minute=0) - MAX_WAITS


def top(tokens_by_slug: Mapping[str, float]) -> list[tuple[str, int]]:
    """The 50 slugs with the most tokens, then the sum of all others as `other`; slugs without tokens are left out."""
    listed = [(int(tokens), slug) for slug, tokens in tokens_by_slug.items() if int(tokens) > 0]
    leaders = heapq.nsmallest(_MAX_RANKED_MODELS, listed, key=lambda pair: (-pair[0], pair[1]))
    rest = sum(tokens for tokens, _ in listed) - sum(tokens for tokens, _ in leaders)
    return [(slug, tokens) for tokens, slug in leaders] + ([("other", rest)] if rest else [])


def _row(date: dt.date, slug: str, tokens: int) -> str:
    return f'{{"date":"{date}","model_permaslug":"{slug}","total_tokens":"{tokens}"}}'


def _calendar(period: str, start: dt.date, end: dt.date) -> list[tuple[dt.date, list[dt.date]]]:
    """First day and days of each period that overlaps the window; the last week is whole even past the window's end."""
    found: dict[dt.date, list[dt.date]] = {}
    last = end + dt.timedelta(days=6 - end.weekday()) if period == "week" else end
    for number in range((last - start).days + 1):
        day = start + dt.timedelta(days=number)
        first = day - dt.timedelta(days=day.weekday()) if period == "week" else day
        found.setdefault(day.replace(day=1) if period == "month" else first, []).append(day)
    return list(found.items())


def _index(newest: dt.date) -> bytes:
    name = "rankings-daily"
    manifest = f"{BASE_URL}/datasets/exports/{name}/latest.manifest.json"
    listed = {"id": name, "title": "Simulated model rankings, daily token share", "latest_snapshot_date": f"{newest}"}
    index = {
        "schema_version": "v1",
        "updated_at": _iso(dt.datetime.combine(newest, _PUBLISHED_AT, dt.UTC)),
        "update_cadence": "daily",
        "attribution": "Simulated; not data of OpenRouter.",
        "datasets": [{**listed, "latest_manifest_url": manifest}],
    }
    return json.dumps(index).encode()


def _parameters(model: Model) -> list[str]:
    """Three of four models support tools, and two of three structured answers."""
    tools = ["tools", "tool_choice"] if model.number % 4 else []
    structured = ["response_format", "structured_outputs"] if model.number % 3 else []
    return ["max_tokens", "temperature", *tools, *structured, *(["reasoning"] if model.is_reasoning else [])]


def _architecture(model: Model) -> dict[str, Any]:
    written = "embeddings" if model.kind == "embeddings" else "text"
    read = ["text", "image"] if model.reads_images else ["text"]
    modality = f"{'+'.join(read)}->{written}"
    kinds = {"tokenizer": "Router" if model.kind == "router" else "Other", "instruct_type": None}
    return {"modality": modality, "input_modalities": read, "output_modalities": [written], **kinds}


def _pricing(model: Model, factor: float) -> dict[str, Any]:
    if model.kind == "router":
        return {"prompt": "-1", "completion": "-1"}
    prompt, completion = model.prompt * factor, model.prompt * factor * model.completion_ratio
    pricing: dict[str, Any] = {"prompt": _usd(prompt), "completion": _usd(completion)}
    if model.cache_ratio is not None:
        pricing["input_cache_read"] = _usd(prompt * model.cache_ratio)
    if prompt and model.override == "long":
        doubled = {"prompt": _usd(2 * prompt), "completion": _usd(1.5 * completion)}
        pricing["overrides"] = [{"min_prompt_tokens": 200_000, **doubled}]
    elif prompt and model.override == "night":
        halved = {"prompt": _usd(0.5 * prompt), "completion": _usd(0.5 * completion)}
        pricing["overrides"] = [{"utc_start": 1630, "utc_end": 30, **halved}]
    return pricing


def _percentiles(middle: float) -> dict[str, float]:
    return {
        "p50": round(middle, 3),
        "p75": round(middle * 1.2, 3),
        "p90": round(middle * 1.5, 3),
        "p99": round(3 * middle, 3),
    }


def _usd(price: float) -> str:
    """A price of four significant digits as a decimal string, the source's format."""
    return f"{float(f'{price:.3e}'):.14f}".rstrip("0").rstrip(".") if price else "0"


def _iso(timestamp: dt.datetime) -> str:
    return timestamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{timestamp.microsecond // 1000:03d}Z"


def _one_of(query: Query, name: str, allowed: tuple[str, ...]) -> str | None:
    value = query.get(name)
    if value is not None and value not in allowed:
        raise _ApiError(400, f"{name} must be one of {', '.join(allowed)}")
    return value


def _number(query: Query, name: str, default: int, low: int, high: int) -> int:
    value = query.get(name, str(default))
    if not value.isdecimal() or not low <= int(value) <= high:
        raise _ApiError(400, f"{name} must be from {low} to {high}")
    return int(value)


def _date(query: Query, name: str) -> dt.date | None:
    value = query.get(name)
    try:
        return None if value is None else dt.date.fromisoformat(value if len(value) == 10 else "")
    except ValueError:
        raise _ApiError(400, f"{name} must be YYYY-MM-DD") from None
