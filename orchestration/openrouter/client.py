"""The client of OpenRouter's API: the key, retries, pages, the quota, and errors as plain sentences.

`transport` bounds each response in time and size, `retries` decides when to try again, `http_errors` interprets
statuses, and `quota` counts the requests that are left. `surfaces` and the planner define what to fetch; `parsers`
interpret responses. The key is sent in a header, to the host of the base URL only, and appears in no error, log, label
or `repr`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import httpx
import tenacity
from pydantic import SecretStr

from orchestration import __version__
from orchestration.clock import Clock, RealClock
from orchestration.errors import NotFoundError, QuotaSpentError, ResponseError, SettingsError, SourceError
from orchestration.openrouter import bodies, retries
from orchestration.openrouter.http_errors import raise_for_status
from orchestration.openrouter.parsers import NO_RESPONSE
from orchestration.openrouter.quota import REQUESTS_PER_MINUTE, RequestLog
from orchestration.openrouter.retries import RetryableError, UnparsableBodyError
from orchestration.openrouter.surfaces import (
    ENDPOINTS,
    RANKINGS_EXPORT,
    SIMULATOR_HEADER,
    Pages,
    Response,
    Surface,
    filled_path,
)
from orchestration.openrouter.transport import MAX_RESPONSE_BYTES, BodyError, Http
from orchestration.settings import BASE_URL

USER_AGENT = f"routerscope/{__version__}"
EXPORT_INDEX = "/datasets/exports/index.json"
EXPORT_MANIFEST = "/datasets/exports/rankings-daily/{snapshot_date}.manifest.json"

# One response with its redirects, in real time.
MAX_RESPONSE_SECONDS = 120.0
MAX_PAGES = 50
# The endpoints are not recorded if more models than this, and more than this fraction, have no usable response.
MAX_MISSING_MODELS = 10
MAX_MISSING_FRACTION = 0.1
_MAX_CONCURRENT_REQUESTS = 4
_MODELS_BETWEEN_LOG_LINES = 100
_TIMEOUTS = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True)
class HttpResponse:
    """One HTTP response of status 200, or of 304 with the cached payload."""

    payload: bytes
    fetched_at: dt.datetime
    is_simulated: bool


@dataclass(frozen=True)
class Exchange:
    """One attempt of a request and what came back, without the key; `failure` is empty if a response arrived.

    `redirected_to` is the address of another host that the response came from, without its path.
    """

    url: str
    seconds: float
    redirected_to: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    failure: str = ""


@dataclass
class Transcript:
    """Every exchange of a client, which sends at most `max_requests` in all, redirects included, and retries none."""

    max_requests: int
    requests: int = 0
    exchanges: list[Exchange] = field(default_factory=list)

    def count(self) -> None:
        if self.requests == self.max_requests:
            raise QuotaSpentError(f"The limit of {self.max_requests} requests is reached, so this one was not sent.")
        self.requests += 1


# Method, path with its query, and headers → status, headers and body. Raises TimeoutError or ConnectionError where a
# real server would not respond.
Handler = Callable[[str, str, Mapping[str, str]], tuple[int, Mapping[str, str], bytes]]


class _HandlerTransport(httpx.BaseTransport):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            status, headers, body = self._handler(request.method, request.url.raw_path.decode(), request.headers)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except ConnectionError as error:
            raise httpx.ReadError(str(error), request=request) from error
        return httpx.Response(status, headers=dict(headers), stream=httpx.ByteStream(body))


class Client:
    """Fetches from OpenRouter, or from a compatible server at `base_url`; with a `handler`, from a function.

    Every request has timeouts and a size limit; 429, 5xx, timeouts and broken connections are retried. Raises
    SourceError and its kinds, ResponseError for a response that is too large, and RequestLogError. Creating it raises
    SettingsError if the base URL, or the environment's proxy or certificates, cannot be used.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        key: SecretStr | None = None,
        request_log: RequestLog | None = None,
        clock: Clock | None = None,
        handler: Handler | None = None,
        log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
        transcript: Transcript | None = None,
    ) -> None:
        _check_host(base_url)
        self.base_url = base_url.rstrip("/")
        self.request_log = request_log or RequestLog()
        self.clock = clock or RealClock()
        self.log = log
        self.is_simulated: bool | None = None  # unknown until the first response
        self._transcript = transcript
        self._key = key
        self._key_pattern = _pattern_of(key.get_secret_value()) if key else None
        self._max_concurrent_requests = 1 if handler else _MAX_CONCURRENT_REQUESTS
        self._paused_until = 0.0  # Unix seconds; applies to all threads
        self._http = Http(
            _TIMEOUTS,
            max_redirects=3,
            headers={"user-agent": USER_AGENT},
            transport=_HandlerTransport(handler) if handler else None,
            before_request=transcript.count if transcript else None,
        )

    def __repr__(self) -> str:
        return f"Client({self.base_url!r}, {'with' if self._key else 'without'} a key)"

    @property
    def has_key(self) -> bool:
        return self._key is not None

    def is_reachable(self, within_seconds: float = 5.0) -> bool:
        """Whether a request for the keyless export gets any response; it is sent once."""
        try:
            self._http.fetch("GET", self.base_url + EXPORT_INDEX, within_seconds=within_seconds, max_bytes=0)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return True

    def fetch(
        self, surface: Surface, params: Mapping[str, str], models: Sequence[str] = (), *, first_page_only: bool = False
    ) -> Response:
        """One response of a surface, from several requests if it is paged. Endpoints are fetched for `models`."""
        try:
            return self._fetch(surface, params, models, first_page_only)
        except RecursionError:
            raise ResponseError(
                f"{surface.request_url(params, self.base_url)} returned a body that is nested too deeply. None of it "
                "was written; all other responses are kept."
            ) from None

    def _fetch(
        self, surface: Surface, params: Mapping[str, str], models: Sequence[str], first_page_only: bool
    ) -> Response:
        if surface is ENDPOINTS:
            return self._fetch_endpoints(models)
        if surface is RANKINGS_EXPORT:
            return self._fetch_export(params["snapshot_date"])
        if surface.pages:
            return self._fetch_pages(surface, surface.pages, params, first_page_only)
        return self._response(surface, params, self.get(surface.path, params, needs_key=surface.needs_key))

    def newest_snapshot(self) -> dt.date:
        """Date of the newest snapshot of the keyless export."""
        index = self.get(EXPORT_INDEX, use_etag=True, can_parse=lambda payload: _newest_snapshot(payload) is not None)
        newest = _newest_snapshot(index.payload)
        if newest is None:
            raise ResponseError(
                f"{self.base_url}{EXPORT_INDEX} does not name the newest snapshot of rankings-daily. No snapshot was "
                "fetched; the lake is unchanged."
            )
        return newest

    def pause(self, refetch: int) -> None:
        """Wait before refetch 1, 2, … of a response that cannot be parsed, as long as after a lost connection."""
        self.clock.sleep(retries.backoff_seconds(refetch))

    def _response(self, surface: Surface, params: Mapping[str, str], http: HttpResponse, **more: Any) -> Response:
        return Response(
            label=surface.request_url(params, self.base_url),
            payload=http.payload,
            fetched_at=http.fetched_at,
            params=dict(params),
            base_url=self.base_url,
            is_simulated=http.is_simulated,
            **more,
        )

    def _fetch_pages(
        self, surface: Surface, pages: Pages, params: Mapping[str, str], first_page_only: bool
    ) -> Response:
        """All pages as one body. If the list changed between pages, all pages are fetched a second time.

        A list of one page keeps its bytes.
        """
        for _ in range(2):
            first, found = self._fetch_each_page(surface, pages, params, first_page_only)
            if len(found) < 2:
                break
            whole = bodies.join_pages(found)
            first = replace(first, payload=bodies.to_payload(whole))
            if bodies.is_consistent(whole, pages):
                break
        return self._response(surface, {**params, "limit": str(pages.limit)}, first)

    def _fetch_each_page(
        self, surface: Surface, pages: Pages, params: Mapping[str, str], first_page_only: bool
    ) -> tuple[HttpResponse, list[dict[str, Any]]]:
        """The first page's response, and the bodies of all pages; no bodies if the first page cannot be parsed."""
        offset, limit, size = 0, pages.limit, 0
        first: HttpResponse | None = None
        found: list[dict[str, Any]] = []
        while True:
            page_params = {**params, "limit": str(limit)} | ({"offset": str(offset)} if offset else {})
            page_url = surface.request_url(page_params, self.base_url)
            # Only the first page reaches the surface's parser, whose caller refetches it; others are refetched here.
            can_parse = (lambda payload: bodies.parse_page(payload) is not None) if found else None
            response = self.get(surface.path, page_params, needs_key=surface.needs_key, can_parse=can_parse)
            first = first or response
            size += len(response.payload)
            self._check_size(size, surface.request_url(params, self.base_url))
            body = bodies.parse_page(response.payload)
            if body is None and not found:  # the parser reports the problem
                return first, []
            if body is None:
                raise ResponseError(
                    f"{page_url} returned a page without rows that can be parsed. None of the list was "
                    "written; all other responses are kept."
                )
            found.append(body)
            following = bodies.next_page(body, offset, limit, pages.max_offset)
            if following is None or first_page_only:
                return first, found
            if following[0] <= offset or len(found) == MAX_PAGES:
                raise ResponseError(
                    f"{page_url} lists pages without end. None of the list was written; all other responses are kept."
                )
            offset, limit = following

    def _check_size(self, size: int, url: str) -> None:
        if size > MAX_RESPONSE_BYTES:
            raise ResponseError(
                f"{url}: its responses together exceed {MAX_RESPONSE_BYTES // 1024**2} MiB, far more than expected. "
                "None of them was written; all other responses are kept."
            )

    def _fetch_export(self, snapshot_date: str) -> Response:
        """A dated snapshot with its manifest. Neither changes, so each is fetched once, without an ETag."""
        params = {"snapshot_date": snapshot_date}
        manifest = self.get(filled_path(EXPORT_MANIFEST, params))
        snapshot = self.get(filled_path(RANKINGS_EXPORT.path, params))
        return self._response(RANKINGS_EXPORT, params, snapshot, manifest=manifest.payload)

    def _fetch_endpoints(self, models: Sequence[str]) -> Response:
        """The endpoints of every model as one body: {model id: body of its response}. Few requests run at once.

        A model that the API does not know is recorded with status 404, one without a usable response with
        NO_RESPONSE. Raises SourceError if many have no usable response.
        """
        started_at = self.clock.now()
        requested: list[str] = []
        failures: list[str] = []

        def fetch_model(model: str) -> tuple[str, bytes, bool]:
            requested.append(model)
            try:
                path = filled_path(ENDPOINTS.path, {"model": model})
                response = self.get(path, with_key=True, can_parse=lambda body: bodies.json_member(body) is not None)
                member = bodies.json_member(response.payload)
                if member is not None:
                    return model, member, response.is_simulated
                failure = "its response is not a JSON object"
            except NotFoundError as error:
                return model, bodies.error_member(HTTPStatus.NOT_FOUND, error.api_message), False
            except QuotaSpentError:
                raise
            except (SourceError, ResponseError) as error:
                failure = str(error)
            failures.append(failure)
            if len(failures) > MAX_MISSING_MODELS and len(failures) > MAX_MISSING_FRACTION * len(requested):
                raise SourceError(
                    f"{len(failures)} of {len(requested)} models have no usable response, so the client stopped "
                    f"fetching endpoints and kept none. The last failure: {failure}"
                )
            return model, bodies.error_member(NO_RESPONSE, failure), False

        members: list[tuple[str, bytes]] = []
        size, is_simulated = 0, False
        pool = ThreadPoolExecutor(self._max_concurrent_requests)
        try:
            for number, (model, member, is_model_simulated) in enumerate(pool.map(fetch_model, models), start=1):
                members.append((model, member))
                size += len(member)
                self._check_size(size, f"{self.base_url}{ENDPOINTS.path}")
                is_simulated = is_simulated or is_model_simulated
                if number % _MODELS_BETWEEN_LOG_LINES == 0:
                    self.log(f"endpoints: {number} of {len(models)} models fetched")
        except BaseException as error:
            # After Ctrl-C, which is no Exception, responses that are on their way are not waited for.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()
        return self._response(ENDPOINTS, {}, HttpResponse(bodies.join_members(members), started_at, is_simulated))

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        needs_key: bool = False,
        with_key: bool = False,
        use_etag: bool = False,
        can_parse: Callable[[bytes], bool] | None = None,
    ) -> HttpResponse:
        """One response. `needs_key` counts against the quota; `with_key` sends the key where it is optional.

        A body that `can_parse` rejects is refetched MAX_REFETCHES times; the last one is returned as it is.
        """
        url = self.base_url + path
        headers = (
            {"authorization": f"Bearer {self._key.get_secret_value()}"} if self._key and (needs_key or with_key) else {}
        )
        cached = self._cached(url, can_parse) if use_etag else None
        if cached:
            headers["if-none-match"] = cached[0]
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetryableError),
            stop=tenacity.stop_after_attempt(1) if self._transcript else retries.is_last_attempt,
            wait=retries.seconds_to_wait,
            before=self._wait_until_unpaused,
            sleep=self._pause_all_threads,
            reraise=True,
        )
        try:
            response, payload, fetched_at = retrying(self._attempt, url, params or {}, headers, needs_key, can_parse)
            is_parsed = True
        except UnparsableBodyError as last:
            response, payload, fetched_at = last.fetched
            is_parsed = False
        except RetryableError as last:
            attempts = retrying.statistics["attempt_number"]
            tried = f" after {attempts} attempts" if attempts > 1 else ""
            wait = f"; it asks the client to wait {last.wait_seconds:.0f} s" if last.wait_seconds else ""
            raise SourceError(
                f"{self._redact(url)} failed{tried}: {last}{wait}. Responses already fetched are "
                "kept. Check that the address can be reached, and run again."
            ) from None
        self.is_simulated = is_simulated = SIMULATOR_HEADER in response.headers
        if response.status_code == HTTPStatus.NOT_MODIFIED and cached:
            payload = cached[1]
        elif use_etag and is_parsed and "etag" in response.headers:
            self.request_log.cache(url, response.headers["etag"], payload)
        return HttpResponse(payload, fetched_at, is_simulated)

    def _cached(self, url: str, can_parse: Callable[[bytes], bool] | None) -> tuple[str, bytes] | None:
        """ETag and payload of the cached response; None if there is none, or if it is damaged."""
        cached = self.request_log.cached(url)
        if cached is None or not (cached[0].isascii() and cached[0].isprintable()):  # a header cannot hold it
            return None
        return cached if can_parse is None or can_parse(cached[1]) else None

    def _pause_all_threads(self, seconds: float) -> None:
        """Wait, and make the other threads wait too, because the wait that the API asks for applies to the client."""
        self._paused_until = max(self._paused_until, self.clock.now().timestamp() + seconds)
        self.clock.sleep(seconds)

    def _wait_until_unpaused(self, state: tenacity.RetryCallState) -> None:
        """Wait as long as another thread has paused all threads; between attempts, within this request's own limit."""
        seconds = self._paused_until - self.clock.now().timestamp()
        if state.attempt_number > 1:
            seconds = min(seconds, retries.MAX_WAIT_SECONDS - state.idle_for)
            state.idle_for += max(seconds, 0.0)
        if seconds > 0:
            self.clock.sleep(seconds)

    def _attempt(
        self,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        needs_key: bool,
        can_parse: Callable[[bytes], bool] | None,
    ) -> tuple[httpx.Response, bytes, dt.datetime]:
        request_id = self._reserve_request() if needs_key else None
        fetched_at = self.clock.now()
        try:
            response, payload = self._exchange(url, params, headers)
        except BodyError as error:
            response, payload = error.response, b""
            if response.is_success:
                raise ResponseError(
                    f"{self._redact(str(response.url))} {error}. None of it was written; all other responses are kept."
                ) from None
        # A redirect may lead to a host whose name cannot be encoded, which is a UnicodeError.
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL, UnicodeError) as error:
            raise SourceError(f"{url} cannot be requested: {self._redact(str(error))}. Nothing was fetched.") from None
        except httpx.RequestError as error:
            raise RetryableError(self._redact(str(error)) or type(error).__name__) from None
        finally:
            if request_id is not None:
                self.request_log.record_response(request_id, self.clock.now())
        payload = self._redact_payload(payload)
        raise_for_status(
            str(response.url),
            response.status_code,
            response.headers,
            payload,
            needs_key=needs_key,
            has_key=self.has_key,
            now=self.clock.now(),
            redact=self._redact,
        )
        if can_parse and response.status_code == HTTPStatus.OK and not can_parse(payload):
            raise UnparsableBodyError((response, payload, fetched_at))
        return response, payload, fetched_at

    def _exchange(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[httpx.Response, bytes]:
        """The response and its body, noted in the transcript if there is one."""
        started, sent = time.monotonic(), self._transcript.requests if self._transcript else 0
        failure = ""
        response: httpx.Response | None = None
        payload = b""
        try:
            response, payload = self._http.fetch(
                "GET",
                url,
                params=params,
                headers=headers,
                within_seconds=MAX_RESPONSE_SECONDS,
                max_bytes=MAX_RESPONSE_BYTES,
            )
        except BodyError as error:
            response, failure = error.response, str(error)
            raise
        except Exception as error:
            failure = str(error) or type(error).__name__
            raise
        finally:
            if self._transcript and self._transcript.requests > sent:
                self._transcript.exchanges.append(
                    Exchange(
                        self._redact(str(httpx.URL(url, params=params))),
                        time.monotonic() - started,
                        self._redact(_other_host(url, response)),
                        response.status_code if response else None,
                        {name: self._redact(value) for name, value in response.headers.items()} if response else {},
                        len(payload),
                        self._redact(failure),
                    )
                )
        return response, payload

    def _reserve_request(self) -> int:
        """The id of a request in the log, as soon as the quota of the minute allows the request."""
        while True:
            request_id, wait = self.request_log.reserve(self.clock.now())
            if request_id is not None:
                return request_id
            if wait > 1:
                self.log(f"waiting {wait:.0f} s: the API allows {REQUESTS_PER_MINUTE} requests a minute")
            self.clock.sleep(wait)

    def _redact(self, text: str) -> str:
        return self._key_pattern.sub("•••", text) if self._key_pattern else text

    def _redact_payload(self, payload: bytes) -> bytes:
        """The payload without the key: a server may send the key back, and no file may contain it."""
        if not self._key:
            return payload
        encoding = json.detect_encoding(payload)
        text = payload.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")
        if self._key.get_secret_value() not in text and "\\u00" not in text:
            return payload
        return self._redact(text).encode(errors="surrogateescape")


def _pattern_of(key: str) -> re.Pattern[str]:
    """Matches the key, also if characters of it are escaped as in JSON or a URL."""
    return re.compile("".join(f"(?:{re.escape(one)}|(?i:(?:\\\\u00|%){ord(one):02x}))" for one in key))


def _other_host(url: str, response: httpx.Response | None) -> str:
    """Scheme and host of the response if a redirect led to another host than the URL's, otherwise empty."""
    if response is None or response.url.host == httpx.URL(url).host:
        return ""
    return f"{response.url.scheme}://{response.url.host}"


def _check_host(base_url: str) -> None:
    """Raises SettingsError unless both httpx and the resolver can encode the name of the host."""
    try:
        httpx.URL(base_url).host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise SettingsError(
            f"ROUTERSCOPE_BASE_URL is {base_url!r}, whose host is not a valid name ({error}). Nothing was fetched. Set "
            f"it to an address such as {BASE_URL}, or unset it."
        ) from None


def _newest_snapshot(payload: bytes) -> dt.date | None:
    """Date of the newest snapshot in the index of exports; None if the index names none."""
    try:
        datasets = json.loads(payload)["datasets"]
        [newest] = [dataset["latest_snapshot_date"] for dataset in datasets if dataset["id"] == "rankings-daily"]
        return dt.date.fromisoformat(newest)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
