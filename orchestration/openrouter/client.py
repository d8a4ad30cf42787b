"""The one place that asks OpenRouter: key, retries, refetches, pages, and errors in plain words.

`transport` bounds each response in time and size, `quota` counts the requests that are left. What to ask for is defined
in `surfaces` and the planner, what a response means in `readers`. The key travels in a header, to the base URL's host
alone, and is in no error, log, label or `repr`.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import html
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import tenacity
from pydantic import SecretStr

from orchestration.errors import KeyRefusedError, NotFoundError, QuotaSpentError, ResponseError, SourceError
from orchestration.openrouter.parsers import NO_ANSWER
from orchestration.openrouter.quota import REQUESTS_A_MINUTE, ClientState, Clock, RealClock
from orchestration.openrouter.surfaces import ENDPOINTS, RANKINGS_EXPORT, SIMULATOR_HEADER, Pages, Response, Surface
from orchestration.openrouter.transport import MAX_RESPONSE_BYTES, BodyError, Http
from orchestration.settings import BASE_URL

USER_AGENT = "routerscope/0.1.0"
EXPORT_INDEX = "/datasets/exports/index.json"
EXPORT_MANIFEST = "/datasets/exports/rankings-daily/{snapshot_date}.manifest.json"

ATTEMPTS = 5
# Refetches of a response that arrived whole but cannot be parsed.
MAX_REFETCHES = 2
# All waits between the attempts of one request together, on the client's clock.
MAX_WAIT_SECONDS = 120.0
# One response with its redirects, in real time.
MAX_RESPONSE_SECONDS = 120.0
MAX_PAGES = 50
# A sweep in which more models than this have no answer, and more than this part of them, is no sweep.
MAX_MISSING_MODELS = 10
MAX_MISSING_FRACTION = 0.1
_TIMEOUTS = httpx.Timeout(30.0, connect=5.0)
_AT_ONCE = 4
# An error object is short; a longer body is parsed only by its reader.
_MAX_ERROR_BYTES = 64 * 1024
_MAX_PAGE_BYTES = 4096
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^<>]*>([^<]+)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")

GET_A_KEY = (
    "Make a key at openrouter.ai/settings/keys and put it into the environment variable OPENROUTER_API_KEY; "
    "without one, SOURCE=live still has the published snapshots, models, endpoints and providers."
)


@dataclass(frozen=True)
class Reply:
    """One HTTP answer of status 200 (or 304, with the payload that was kept)."""

    payload: bytes
    fetched_at: dt.datetime
    is_simulated: bool


class _Again(Exception):  # noqa: N818  # not an error yet: it is asked again
    """An answer after which it is worth asking again, and after how long if the source said so."""

    def __init__(self, reason: str, status: int | None = None, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.wait_seconds = wait_seconds


class _UnparsedError(_Again):
    """A response that arrived whole but cannot be parsed. `fetched` is returned after the last attempt."""

    def __init__(self, fetched: tuple[httpx.Response, bytes, dt.datetime]) -> None:
        super().__init__("its body cannot be parsed")
        self.fetched = fetched


# In process: a method, a path with its query, and headers → status, headers, body. May raise TimeoutError or
# ConnectionError in place of an answer.
InProcess = Callable[[str, str, Mapping[str, str]], tuple[int, Mapping[str, str], bytes]]


class _InProcessTransport(httpx.BaseTransport):
    def __init__(self, answer: InProcess) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            status, headers, body = self._answer(request.method, request.url.raw_path.decode(), request.headers)
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except ConnectionError as error:
            raise httpx.ReadError(str(error), request=request) from error
        return httpx.Response(status, headers=dict(headers), stream=httpx.ByteStream(body))


class Client:
    """Asks OpenRouter, or what stands in its place at `base_url`.

    Every request has timeouts and a bounded answer; 429, 5xx, timeouts and broken connections are asked again, and
    nothing else is. Raises SourceError and its kinds, and ResponseError for an answer that is too large.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        key: SecretStr | None = None,
        state: ClientState | None = None,
        clock: Clock | None = None,
        in_process: InProcess | None = None,
        log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.state = state or ClientState()
        self.clock = clock or RealClock()
        self.log = log
        self._key = key
        self._at_once = 1 if in_process else _AT_ONCE
        self._not_before = 0.0
        self.is_simulated: bool | None = None  # known from the first answer on
        self._http = Http(
            _TIMEOUTS,
            max_redirects=3,
            headers={"user-agent": USER_AGENT},
            transport=_InProcessTransport(in_process) if in_process else None,
        )

    def __repr__(self) -> str:
        return f"Client({self.base_url!r}, {'with' if self._key else 'without'} a key)"

    @property
    def has_key(self) -> bool:
        return self._key is not None

    def is_reachable(self, within_seconds: float = 5.0) -> bool:
        """Whether anything answers at the keyless export, asked once."""
        try:
            self._http.fetch("GET", self.base_url + EXPORT_INDEX, within_seconds=within_seconds, max_bytes=0)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return True

    def fetch(self, surface: Surface, params: Mapping[str, str], models: Sequence[str] = ()) -> Response:
        """The answer to one question, of several requests where it is paged or asks for each of the `models`."""
        if surface is ENDPOINTS:
            return self._sweep(models)
        if surface is RANKINGS_EXPORT:
            return self._export(params["snapshot_date"])
        return self._pages(surface, params) if surface.pages else self._one(surface, params)

    def newest_snapshot(self) -> dt.date:
        """Day of the newest snapshot of the keyless export."""
        reply = self.get(EXPORT_INDEX, use_etag=True, can_parse=lambda payload: _newest_snapshot(payload) is not None)
        newest = _newest_snapshot(reply.payload)
        if newest is None:
            raise ResponseError(
                f"{self.base_url}{EXPORT_INDEX} does not say which snapshot of rankings-daily is the newest. No "
                "snapshot was fetched; what the lake holds is as it was."
            )
        return newest

    def pause(self, refetch: int) -> None:
        """Wait before refetch 1, 2, … of a response that cannot be parsed, as after a lost connection."""
        self.clock.sleep(_backoff(refetch))

    def _observation(self, surface: Surface, params: Mapping[str, str], reply: Reply, **more: Any) -> Response:
        label = surface.request_url(params, self.base_url)
        told = {"base_url": self.base_url, "is_simulated": reply.is_simulated, **more}
        return Response(label, reply.payload, reply.fetched_at, dict(params), **told)

    def _one(self, surface: Surface, params: Mapping[str, str]) -> Response:
        reply = self.get(surface.path, params, needs_key=surface.needs_key)
        return self._observation(surface, params, reply)

    def _pages(self, surface: Surface, params: Mapping[str, str]) -> Response:
        """All pages as one body: the rows of each after the other, and what the first says around them.

        A list that changed while it was paged through is asked for once more.
        """
        pages = surface.pages
        assert pages is not None  # noqa: S101  # the caller has looked
        for _ in range(2):
            first, bodies = self._page_by_page(surface, pages, params)
            if len(bodies) < 2:
                break
            # The last page says whether more follows; the list is as of the first.
            whole = bodies[0] | bodies[-1] | {"data": [row for body in bodies for row in body["data"]]}
            if isinstance(whole.get("meta"), dict) and isinstance(bodies[0].get("meta"), dict):
                whole["meta"] = bodies[-1]["meta"] | {
                    name: value for name, value in bodies[0]["meta"].items() if name == "as_of"
                }
            if "links" in whole:
                whole["links"] = {**whole["links"], "next": None}
            # Escaped, since JSON may contain half a surrogate pair, which UTF-8 cannot.
            first = replace(first, payload=json.dumps(whole, separators=(",", ":")).encode())
            keys = [str([row.get(name) for name in pages.key]) for row in whole["data"] if isinstance(row, dict)]
            total = whole.get("total_count", len(keys)) if pages.max_offset is None else len(keys)
            if len(set(keys)) == len(whole["data"]) == total:
                break
        return self._observation(surface, {**params, "limit": str(pages.limit)}, first)

    def _page_by_page(
        self, surface: Surface, pages: Pages, params: Mapping[str, str]
    ) -> tuple[Reply, list[dict[str, Any]]]:
        """The first page's reply, and the bodies of all pages; no body if the first has none to read."""
        offset, limit, size = 0, pages.limit, 0
        first: Reply | None = None
        bodies: list[dict[str, Any]] = []
        while True:
            paged = {**params, "limit": str(limit)} | ({"offset": str(offset)} if offset else {})
            # The first page goes to its reader as it is; a later one is parsed here alone, so refetched here.
            can_parse = (lambda payload: _page(payload) is not None) if bodies else None
            reply = self.get(surface.path, paged, needs_key=surface.needs_key, can_parse=can_parse)
            first = first or reply
            size += len(reply.payload)
            self._check_size(size, surface.request_url(params, self.base_url))
            body = _page(reply.payload)
            if body is None and not bodies:  # what is wrong with it, its reader will say
                return first, []
            if body is None:
                raise ResponseError(
                    f"{surface.request_url(paged, self.base_url)} is a page without rows to read. Nothing of the whole "
                    "list was written; every other response is kept."
                )
            bodies.append(body)
            at = _next_page(body, offset, limit, pages.max_offset)
            if at is None:
                return first, bodies
            if at[0] <= offset or len(bodies) == MAX_PAGES:
                raise ResponseError(
                    f"{surface.request_url(paged, self.base_url)}: its pages do not end. Nothing of it was written; "
                    "every other response is kept."
                )
            offset, limit = at

    def _check_size(self, size: int, what: str) -> None:
        if size > MAX_RESPONSE_BYTES:
            raise ResponseError(
                f"{what}: its responses together exceed {MAX_RESPONSE_BYTES // 1024**2} MiB, which no list of it "
                "has. Nothing of them was written; every other response is kept."
            )

    def _export(self, snapshot_date: str) -> Response:
        params = {"snapshot_date": snapshot_date}
        manifest = self.get(EXPORT_MANIFEST.format(**params))
        # A dated file never changes: what is fetched once is never asked for again, so it needs no ETag.
        reply = self.get(RANKINGS_EXPORT.path.format(**params))
        return self._observation(RANKINGS_EXPORT, params, reply, preface=manifest.payload)

    def _sweep(self, models: Sequence[str]) -> Response:
        """The endpoints of every model: {id: body of its answer}. Several at once, but few.

        A 404 is an answer too; a model whose answer cannot be had is recorded with status 0, unless they are many.
        """
        started = self.clock.now()
        asked: list[str] = []
        lost: list[str] = []

        def ask(model: str) -> tuple[str, bytes, bool]:
            asked.append(model)
            try:
                path = f"/models/{quote(model, safe='/:~')}/endpoints"
                reply = self.get(path, with_key=True, can_parse=lambda payload: _member(payload) is not None)
                member = _member(reply.payload)
                if member is not None:
                    return model, member, reply.is_simulated
                code, said = NO_ANSWER, "its answer is not a JSON object"
            except NotFoundError as error:
                code, said = int(HTTPStatus.NOT_FOUND), error.said
            except QuotaSpentError:
                raise
            except (SourceError, ResponseError) as error:
                code, said = NO_ANSWER, str(error)
            if code == NO_ANSWER:
                lost.append(said)
                if len(lost) > MAX_MISSING_MODELS and len(lost) > MAX_MISSING_FRACTION * len(asked):
                    raise SourceError(
                        f"{len(lost)} of {len(asked)} models gave no answer to be read, so the sweep of endpoints was "
                        f"ended and nothing of it is kept. The last one: {said}"
                    )
            return model, json.dumps({"error": {"code": code, "message": said}}).encode(), False

        parts, size, is_simulated = [], 0, False
        with ThreadPoolExecutor(self._at_once) as pool:
            try:
                for number, (model, payload, simulated) in enumerate(pool.map(ask, models), start=1):
                    parts.append(json.dumps(model).encode() + b":" + payload)
                    size += len(payload)
                    self._check_size(size, f"{self.base_url}{ENDPOINTS.path}")
                    is_simulated = is_simulated or simulated
                    if number % 100 == 0:
                        self.log(f"endpoints: {number} of {len(models)} models asked")
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        reply = Reply(b"{" + b",".join(parts) + b"}", started, is_simulated)
        return self._observation(ENDPOINTS, {}, reply)

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        needs_key: bool = False,
        with_key: bool = False,
        use_etag: bool = False,
        can_parse: Callable[[bytes], bool] | None = None,
    ) -> Reply:
        """One answer. `needs_key` counts against the quota; `with_key` sends the key where it adds something.

        A body that `can_parse` rejects is fetched again MAX_REFETCHES times; the last one is returned as it is.
        """
        url = self.base_url + path
        headers = (
            {"authorization": f"Bearer {self._key.get_secret_value()}"} if self._key and (needs_key or with_key) else {}
        )
        known = self.state.etag(url) if use_etag else None
        if known:
            headers["if-none-match"] = known[0]
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=_is_last,
            wait=_wait,
            before=self._wait_while_busy,
            sleep=self._hold_all,
            reraise=True,
        )
        try:
            response, payload, fetched_at = retrying(self._attempt, url, params or {}, headers, needs_key, can_parse)
            is_parsed = True
        except _UnparsedError as last:
            response, payload, fetched_at = last.fetched
            is_parsed = False
        except _Again as last:
            asked = retrying.statistics["attempt_number"]
            rest = f" and wants {last.wait_seconds:.0f} s of rest" if last.wait_seconds else ""
            raise SourceError(
                f"{self._without_key(url)} did not answer: {last}{rest} (asked {asked} times). What was fetched before "
                "is kept; see whether the address can be reached, and run again."
            ) from None
        if self._key:  # a source that sends the key back must not bring it into a file
            encoding = json.detect_encoding(payload)
            text = payload.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")
            if self._key.get_secret_value() in text:
                payload = self._without_key(text).encode(errors="surrogateescape")
        is_simulated = SIMULATOR_HEADER in response.headers
        self.is_simulated = is_simulated
        if response.status_code == HTTPStatus.NOT_MODIFIED and known:
            payload = known[1]
        elif use_etag and is_parsed and "etag" in response.headers:
            self.state.keep_etag(url, response.headers["etag"], payload)
        return Reply(payload, fetched_at, is_simulated)

    def _hold_all(self, seconds: float) -> None:
        """Wait, and have the other threads wait too: a source that is busy is busy for all."""
        self._not_before = max(self._not_before, self.clock.now().timestamp() + seconds)
        self.clock.sleep(seconds)

    def _wait_while_busy(self, state: tenacity.RetryCallState) -> None:
        """Wait while the source is busy for another thread; between attempts, within this request's own limit."""
        held = self._not_before - self.clock.now().timestamp()
        if state.attempt_number > 1:
            held = min(held, MAX_WAIT_SECONDS - state.idle_for)
            state.idle_for += max(held, 0.0)
        if held > 0:
            self.clock.sleep(held)

    def _attempt(
        self,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        needs_key: bool,
        can_parse: Callable[[bytes], bool] | None,
    ) -> tuple[httpx.Response, bytes, dt.datetime]:
        place = self._wait_for_a_place() if needs_key else None
        fetched_at = self.clock.now()
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
            response, payload = error.response, b""
            if response.is_success:
                raise ResponseError(
                    f"{self._without_key(str(response.url))} {error}, which no answer of it has. Nothing of it was "
                    "written; every other response is kept."
                ) from None
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise SourceError(f"{url} cannot be asked: {self._without_key(str(error))}. Nothing was fetched.") from None
        except httpx.RequestError as error:
            raise _Again(self._without_key(str(error)) or type(error).__name__) from None
        finally:
            if place is not None:
                self.state.answered(place, self.clock.now())
        self._judge(response, payload, needs_key)
        if can_parse and response.status_code == HTTPStatus.OK and not can_parse(payload):
            raise _UnparsedError((response, payload, fetched_at))
        return response, payload, fetched_at

    def _wait_for_a_place(self) -> int:
        while True:
            place, wait = self.state.reserve(self.clock.now())
            if place is not None:
                return place
            if wait > 1:
                self.log(f"waiting {wait:.0f} s: the source allows {REQUESTS_A_MINUTE} requests a minute")
            self.clock.sleep(wait)

    def _judge(self, response: httpx.Response, payload: bytes, needs_key: bool) -> None:
        code, said = _error_in(payload)
        status = response.status_code
        told = f"{self._without_key(str(response.url))} answered {status}"
        if status == HTTPStatus.OK and code:  # the API returns some errors under 200; the body's code is the status
            status = code
        if status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            return
        is_from_api = bool(said)
        said = self._without_key(said or _page_in(response, payload))
        if code and code != response.status_code:
            told += f" with error {code}"
        told += f" ({said})" if said else ""
        if status == HTTPStatus.PAYMENT_REQUIRED:
            raise SourceError(
                f"{told}. The account of the key has no credits left for this; what was fetched is kept. Add "
                "credits at openrouter.ai/settings/credits, and run again."
            )
        # A 403 that is not the API's own error is a page of a proxy or firewall; a key would not help.
        if status == HTTPStatus.UNAUTHORIZED and (needs_key or is_from_api):
            what = "The key in OPENROUTER_API_KEY is not taken" if self._key else "It does not answer without a key"
            raise KeyRefusedError(f"{told}. {what}; what the lake holds is as it was. {GET_A_KEY}")
        if status == HTTPStatus.FORBIDDEN and needs_key and is_from_api:
            what = (
                "The key in OPENROUTER_API_KEY may not fetch this" if self._key else "It may not be fetched without one"
            )
            raise KeyRefusedError(f"{told}. {what}; what the lake holds is as it was. {GET_A_KEY}")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            which = (
                "the API refuses this request" if is_from_api else "a proxy or firewall on the way may have answered"
            )
            raise SourceError(
                f"{told}: {which}{'' if needs_key else ', which needs no key'}. What the lake holds is as it was. "
                "Check that this network may reach the address, and run again."
            )
        if status == HTTPStatus.NOT_FOUND:
            raise NotFoundError(f"{told}. The source has nothing there; what the lake holds is as it was.", said=said)
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT) or status >= 500:
            wait = _retry_after(response.headers.get("retry-after"), self.clock.now())
            if status == HTTPStatus.TOO_MANY_REQUESTS and wait and wait > MAX_WAIT_SECONDS:
                raise QuotaSpentError(
                    f"{told} and wants {wait / 60:.0f} minutes of rest. What was fetched is kept; run again after "
                    "that, and the rest is asked for."
                )
            raise _Again(f"status {status}{f', {said}' if said else ''}", status, wait)
        raise SourceError(
            f"{told}, so asking again is of no use. What was fetched is kept. Please report it with this line: the "
            "source has changed, or the request is wrong."
        )

    def _without_key(self, text: str) -> str:
        return text.replace(self._key.get_secret_value(), "•••") if self._key else text


def _member(payload: bytes) -> bytes | None:
    """A JSON object as UTF-8 that can be a member of a sweep's body, None if the payload is none.

    Recordings of one body may be in UTF-16 or begin with a byte order mark; inside another body neither can be read.
    """
    try:
        text = payload.decode(json.detect_encoding(payload)).strip()
        # A body that is nested so deep that only a shallow stack can parse it would cost its reader the whole sweep.
        json.loads("[" * 200 + text + "]" * 200, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return text.encode() if text.startswith("{") else None


def _newest_snapshot(payload: bytes) -> dt.date | None:
    """Day of the newest snapshot that the index of exports names, None if it names none."""
    try:
        datasets = json.loads(payload)["datasets"]
        [newest] = [one["latest_snapshot_date"] for one in datasets if one["id"] == "rankings-daily"]
        return dt.date.fromisoformat(newest)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _page(payload: bytes) -> dict[str, Any] | None:
    """A page's body if it has rows, else None."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and isinstance(body.get("data"), list) else None


def _is_last(state: tenacity.RetryCallState) -> bool:
    """Whether this attempt was the last: by its number, or since the next wait would exceed what one request may wait.

    A source that wants a longer rest is not asked sooner.
    """
    error = state.outcome.exception() if state.outcome else None
    most = 1 + MAX_REFETCHES if isinstance(error, _UnparsedError) else ATTEMPTS
    return state.attempt_number >= most or state.idle_for + state.upcoming_sleep > MAX_WAIT_SECONDS


def _wait(state: tenacity.RetryCallState) -> float:
    """What the source asked for, else doubling with jitter; longer where it said that we ask too much."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.wait_seconds is not None:
        return error.wait_seconds
    is_too_much = isinstance(error, _Again) and error.status == HTTPStatus.TOO_MANY_REQUESTS
    return _backoff(state.attempt_number, 5 if is_too_much else 0.5)


def _backoff(attempt: int, multiplier: float = 0.5) -> float:
    """Seconds after a failed attempt: doubling from attempt to attempt, at most 60, and up to a second of jitter."""
    return min(multiplier * 2.0 ** (attempt - 1) + random.uniform(0, 1), 60.0)  # noqa: S311  # spreads requests


def _retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds to wait, from a header that gives seconds or a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max((email.utils.parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _error_in(payload: bytes) -> tuple[int | None, str]:
    """Code (400 to 599, else None) and words of the API's error object; no words if the payload is no such object."""
    try:
        body = json.loads(payload) if len(payload) <= _MAX_ERROR_BYTES else None
    except (ValueError, RecursionError):
        return None, ""
    error = body.get("error") if isinstance(body, dict) and not body.get("data") else None
    if not error:
        return None, ""
    fields = error if isinstance(error, dict) else {"message": error}
    code = str(fields.get("code"))
    said = fields.get("message") or json.dumps(error)
    return int(code) if re.fullmatch("[45][0-9][0-9]", code) else None, _line(str(said))


def _page_in(response: httpx.Response, payload: bytes) -> str:
    """What came in place of the API's error object, such as `text/html: Access denied`; nothing if nothing came."""
    if not payload:
        return ""
    kind = response.headers.get("content-type", "").partition(";")[0].strip() or "no content type"
    page = payload[:_MAX_PAGE_BYTES].decode(errors="replace")
    title = _TITLE.search(page)
    words = title[1] if title else _TAG.sub(" ", _SCRIPT.sub(" ", page))
    return _line(f"{kind}: {html.unescape(words)}")


def _line(text: str) -> str:
    """On one short line of printable characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:200]


def _next_page(body: Mapping[str, Any], offset: int, limit: int, max_offset: int | None) -> tuple[int, int] | None:
    """Offset and limit of the page after this one, None after the last."""
    if max_offset is None:
        links = body.get("links")
        following = links.get("next") if isinstance(links, dict) else None
        if not isinstance(following, str):
            return None
        query = parse_qs(urlsplit(following).query)
        try:
            return int(query["offset"][0]), int(query.get("limit", [str(limit)])[0])
        except (KeyError, ValueError):
            return offset, limit
    return (offset + limit, limit) if len(body["data"]) == limit and offset + limit <= max_offset else None
