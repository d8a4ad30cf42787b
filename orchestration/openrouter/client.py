"""The one place that speaks HTTP: key, timeouts, retries, pages, and errors in plain words.

How many requests are left is counted in `quota`. What is asked for is said by `surfaces` and the planner, what an
answer means by `readers`. Nothing else asks OpenRouter
anything. The key travels in a header, to the base URL's host alone, and is
in no error, log, label or `repr`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import tenacity
from pydantic import SecretStr

from orchestration.errors import KeyRefusedError, NotFoundError, QuotaSpentError, ResponseError, SourceError
from orchestration.openrouter.quota import REQUESTS_A_MINUTE, Clock, Memory, RealClock
from orchestration.openrouter.readers import NO_ANSWER
from orchestration.openrouter.surfaces import ENDPOINTS, RANKINGS_EXPORT, SIMULATOR_HEADER, Observation, Pages, Surface
from orchestration.settings import BASE_URL

USER_AGENT = "routerscope/0.1.0"
EXPORT_INDEX = "/datasets/exports/index.json"
EXPORT_MANIFEST = "/datasets/exports/rankings-daily/{snapshot_date}.manifest.json"

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 120.0
LONGEST_ANSWER_SECONDS = 120.0
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_PAGES = 50
# A sweep in which more models than this have no answer, and more than this part of them, is no sweep.
MOST_LOST = 10
MOST_LOST_PART = 0.1
_TIMEOUTS = httpx.Timeout(30.0, connect=5.0)
_AT_ONCE = 4

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
        return httpx.Response(status, headers=dict(headers), content=body)


class Client:
    """Asks OpenRouter, or what stands in its place at `base_url`.

    Every request has timeouts and a bounded answer; 429, 5xx, timeouts and broken connections are asked again, and
    nothing else is. Raises SourceError and its kinds, and ResponseError for an answer that is too large.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        key: SecretStr | None = None,
        memory: Memory | None = None,
        clock: Clock | None = None,
        in_process: InProcess | None = None,
        tell: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.memory = memory or Memory()
        self.clock = clock or RealClock()
        self.tell = tell
        self._key = key
        self._at_once = 1 if in_process else _AT_ONCE
        self._not_before = 0.0
        self.is_simulated: bool | None = None  # known from the first answer on
        self._http = httpx.Client(
            transport=_InProcessTransport(in_process) if in_process else None,
            headers={"user-agent": USER_AGENT},
            timeout=_TIMEOUTS,
            follow_redirects=True,
            max_redirects=3,
        )

    def __repr__(self) -> str:
        return f"Client({self.base_url!r}, {'with' if self._key else 'without'} a key)"

    @property
    def has_key(self) -> bool:
        return self._key is not None

    def is_reachable(self, within_seconds: float = 5.0) -> bool:
        """Whether anything answers at the keyless export, asked once."""
        answered: list[bool] = []

        # In a thread, since finding a host's address has no timeout of its own.
        def ask() -> None:
            with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
                self._http.get(self.base_url + EXPORT_INDEX, timeout=within_seconds)
                answered.append(True)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(within_seconds)
        return bool(answered)

    def observe(self, surface: Surface, params: Mapping[str, str], models: Sequence[str] = ()) -> Observation:
        """The answer to one question, of several requests where it is paged or asks for each of the `models`."""
        if surface is ENDPOINTS:
            return self._sweep(models)
        if surface is RANKINGS_EXPORT:
            return self._export(params["snapshot_date"])
        return self._pages(surface, params) if surface.pages else self._one(surface, params)

    def newest_snapshot(self) -> dt.date:
        """Day of the newest snapshot of the keyless export."""
        reply = self.get(EXPORT_INDEX, use_etag=True)
        try:
            datasets = json.loads(reply.payload)["datasets"]
            [told] = [one["latest_snapshot_date"] for one in datasets if one["id"] == "rankings-daily"]
            return dt.date.fromisoformat(told)
        except (ValueError, KeyError, TypeError) as error:
            raise ResponseError(
                f"{self.base_url}{EXPORT_INDEX} does not say which snapshot of rankings-daily is the newest "
                f"({error!r}). No snapshot was fetched; what the lake holds is as it was."
            ) from error

    def _observation(self, surface: Surface, params: Mapping[str, str], reply: Reply, **more: Any) -> Observation:
        label = surface.request_url(params, self.base_url)
        told = {"base_url": self.base_url, "is_simulated": reply.is_simulated, **more}
        return Observation(label, reply.payload, reply.fetched_at, dict(params), **told)

    def _one(self, surface: Surface, params: Mapping[str, str]) -> Observation:
        reply = self.get(surface.path, params, needs_key=surface.needs_key)
        return self._observation(surface, params, reply)

    def _pages(self, surface: Surface, params: Mapping[str, str]) -> Observation:
        """All pages as one body: the rows of each after the other, and what the first says around them.

        A list that changed while it was paged through is asked for once more.
        """
        pages = surface.pages
        assert pages is not None  # noqa: S101  # the caller has looked
        for _ in range(2):
            first, bodies = self._page_by_page(surface, pages, params)
            if len(bodies) < 2:
                break
            whole = bodies[0] | {"data": [row for body in bodies for row in body["data"]]}
            if "links" in whole:
                whole["links"] = {**whole["links"], "next": None}
            first = replace(first, payload=json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode())
            keys = [str([row.get(name) for name in pages.key]) for row in whole["data"] if isinstance(row, dict)]
            total = whole.get("total_count", len(keys)) if pages.max_offset is None else len(keys)
            if len(set(keys)) == len(whole["data"]) == total:
                break
        return self._observation(surface, {**params, "limit": str(pages.limit)}, first)

    def _page_by_page(
        self, surface: Surface, pages: Pages, params: Mapping[str, str]
    ) -> tuple[Reply, list[dict[str, Any]]]:
        """The first page's reply, and the bodies of all pages; no body if the first has none to read."""
        offset, limit = 0, pages.limit
        first: Reply | None = None
        bodies: list[dict[str, Any]] = []
        while True:
            paged = {**params, "limit": str(limit)} | ({"offset": str(offset)} if offset else {})
            reply = self.get(surface.path, paged, needs_key=surface.needs_key)
            first = first or reply
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
            if at[0] <= offset or len(bodies) == MOST_PAGES:
                raise ResponseError(
                    f"{surface.request_url(paged, self.base_url)}: its pages do not end. Nothing of it was written; "
                    "every other response is kept."
                )
            offset, limit = at

    def _export(self, snapshot_date: str) -> Observation:
        params = {"snapshot_date": snapshot_date}
        manifest = self.get(EXPORT_MANIFEST.format(**params))
        # A dated file never changes: what is fetched once is never asked for again, so it needs no ETag.
        reply = self.get(RANKINGS_EXPORT.path.format(**params))
        return self._observation(RANKINGS_EXPORT, params, reply, preface=manifest.payload)

    def _sweep(self, models: Sequence[str]) -> Observation:
        """The endpoints of every model: {id: body of its answer}. Several at once, but few.

        A 404 is an answer too; a model whose answer cannot be had is recorded with status 0, unless they are many.
        """
        started = self.clock.now()
        asked: list[str] = []
        lost: list[str] = []

        def ask(model: str) -> tuple[str, bytes, bool]:
            asked.append(model)
            try:
                reply = self.get(f"/models/{quote(model, safe='/:~')}/endpoints", with_key=True)
                if _is_object(reply.payload):
                    return model, reply.payload, reply.is_simulated
                code, said = NO_ANSWER, "its answer is not a JSON object"
            except NotFoundError as error:
                code, said = int(HTTPStatus.NOT_FOUND), error.said
            except QuotaSpentError:
                raise
            except (SourceError, ResponseError) as error:
                code, said = NO_ANSWER, str(error)
            if code == NO_ANSWER:
                lost.append(said)
                if len(lost) > MOST_LOST and len(lost) > MOST_LOST_PART * len(asked):
                    raise SourceError(
                        f"{len(lost)} of {len(asked)} models gave no answer to be read, so the sweep of endpoints was "
                        f"ended and nothing of it is kept. The last one: {said}"
                    )
            return model, json.dumps({"error": {"code": code, "message": said}}).encode(), False

        parts, is_simulated = [], False
        with ThreadPoolExecutor(self._at_once) as pool:
            try:
                for number, (model, payload, simulated) in enumerate(pool.map(ask, models), start=1):
                    parts.append(json.dumps(model).encode() + b":" + payload.strip())
                    is_simulated = is_simulated or simulated
                    if number % 100 == 0:
                        self.tell(f"endpoints: {number} of {len(models)} models asked")
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
    ) -> Reply:
        """One answer. `needs_key` counts against the quota; `with_key` sends the key where it adds something."""
        url = self.base_url + path
        headers = (
            {"authorization": f"Bearer {self._key.get_secret_value()}"} if self._key and (needs_key or with_key) else {}
        )
        known = self.memory.etag(url) if use_etag else None
        if known:
            headers["if-none-match"] = known[0]
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=self._hold_all,
            reraise=True,
        )
        try:
            response, payload, fetched_at = retrying(self._attempt, url, params or {}, headers, needs_key)
        except _Again as last:
            raise SourceError(
                f"{self._without_key(url)} did not answer: {last} (asked {ATTEMPTS} times). What was fetched before is "
                "kept; see whether the address can be reached, and run again."
            ) from None
        if self._key:  # a source that sends the key back must not bring it into a file
            payload = payload.replace(self._key.get_secret_value().encode(), "•••".encode())
        is_simulated = SIMULATOR_HEADER in response.headers
        self.is_simulated = is_simulated
        if response.status_code == HTTPStatus.NOT_MODIFIED and known:
            payload = known[1]
        elif use_etag and "etag" in response.headers:
            self.memory.keep_etag(url, response.headers["etag"], payload)
        return Reply(payload, fetched_at, is_simulated)

    def _hold_all(self, seconds: float) -> None:
        """Wait, and have the other threads wait too: a source that is busy is busy for all."""
        self._not_before = max(self._not_before, self.clock.now().timestamp() + seconds)
        self.clock.sleep(seconds)

    def _attempt(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str], needs_key: bool
    ) -> tuple[httpx.Response, bytes, dt.datetime]:
        place = self._wait_for_a_place() if needs_key else None
        if (held := self._not_before - self.clock.now().timestamp()) > 0:
            self.clock.sleep(held)
        fetched_at = self.clock.now()
        try:
            with self._http.stream("GET", url, params=dict(params), headers=dict(headers)) as response:
                payload = self._read(response, fetched_at)
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            raise SourceError(f"{url} cannot be asked: {self._without_key(str(error))}. Nothing was fetched.") from None
        except httpx.RequestError as error:
            raise _Again(self._without_key(str(error)) or type(error).__name__) from None
        finally:
            if place is not None:
                self.memory.answered(place, self.clock.now())
        self._judge(response, payload)
        return response, payload, fetched_at

    def _wait_for_a_place(self) -> int:
        while True:
            place, wait = self.memory.reserve(self.clock.now())
            if place is not None:
                return place
            if wait > 1:
                self.tell(f"waiting {wait:.0f} s: the source allows {REQUESTS_A_MINUTE} requests a minute")
            self.clock.sleep(wait)

    def _read(self, response: httpx.Response, started: dt.datetime) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_ANSWER_BYTES:
                raise ResponseError(
                    f"{response.url} sends more than {LARGEST_ANSWER_BYTES // 1024**2} MiB, which no answer of it has. "
                    "Nothing of it was written; every other response is kept."
                )
            if (self.clock.now() - started).total_seconds() > LONGEST_ANSWER_SECONDS:
                raise httpx.ReadTimeout(f"no whole answer within {LONGEST_ANSWER_SECONDS:.0f} s")
        return bytes(content)

    def _judge(self, response: httpx.Response, payload: bytes) -> None:
        status = response.status_code
        if status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            return
        said = self._without_key(_message(payload))
        told = f"{self._without_key(str(response.url))} answered {status}{f' ({said})' if said else ''}"
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            what = "The key in OPENROUTER_API_KEY is not taken" if self._key else "It does not answer without a key"
            raise KeyRefusedError(f"{told}. {what}; what the lake holds is as it was. {GET_A_KEY}")
        if status == HTTPStatus.NOT_FOUND:
            raise NotFoundError(f"{told}. The source has nothing there; what the lake holds is as it was.", said=said)
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT) or status >= 500:
            wait = _retry_after(response.headers.get("retry-after"), self.clock.now())
            if status == HTTPStatus.TOO_MANY_REQUESTS and wait and wait > LONGEST_WAIT_SECONDS:
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


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


def _page(payload: bytes) -> dict[str, Any] | None:
    """A page's body if it has rows, else None."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and isinstance(body.get("data"), list) else None


def _wait(state: tenacity.RetryCallState) -> float:
    """What the source asked for, else doubling with jitter; longer where it said that we ask too much."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.wait_seconds is not None:
        return min(error.wait_seconds, LONGEST_WAIT_SECONDS)
    is_too_much = isinstance(error, _Again) and error.status == HTTPStatus.TOO_MANY_REQUESTS
    return float(tenacity.wait_exponential_jitter(multiplier=5 if is_too_much else 0.5, max=60, jitter=1)(state))


def _retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds to wait, from a header that gives seconds or a date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max((email.utils.parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _message(payload: bytes) -> str:
    """What the source says of an error, on one short line."""
    try:
        said = json.loads(payload)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join(str(said).split())[:200]


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
