"""When the client sends a request again, and how long it waits before it does.

Failures that may pass are retried: statuses 408, 429 and 5xx, timeouts and broken connections. A response that arrived
whole but cannot be parsed is refetched, fewer times. `client` and `http_errors` classify the failures.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import random
import re
from http import HTTPStatus
from typing import Any

import tenacity

MAX_ATTEMPTS = 5
MAX_REFETCHES = 2
# The sum of all waits between the attempts of one request, on the client's clock.
MAX_WAIT_SECONDS = 120.0
_MAX_BACKOFF_SECONDS = 60.0
_SECONDS = re.compile(r"[0-9]+")


class RetryableError(Exception):
    """A failed attempt after which another may succeed; `wait_seconds` is the wait that the API asks for."""

    def __init__(self, reason: str, status: int | None = None, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.wait_seconds = wait_seconds


class UnparsableBodyError(RetryableError):
    """A response that arrived whole but cannot be parsed; `fetched` is what the attempt would have returned."""

    def __init__(self, fetched: Any) -> None:
        super().__init__("its body cannot be parsed")
        self.fetched = fetched


def is_last_attempt(state: tenacity.RetryCallState) -> bool:
    """Whether to stop: no attempts are left, or the next wait would exceed MAX_WAIT_SECONDS.

    A wait that the API asks for is never cut short to stay within the limit.
    """
    error = _error_of(state)
    max_attempts = 1 + MAX_REFETCHES if isinstance(error, UnparsableBodyError) else MAX_ATTEMPTS
    return state.attempt_number >= max_attempts or state.idle_for + state.upcoming_sleep > MAX_WAIT_SECONDS


def seconds_to_wait(state: tenacity.RetryCallState) -> float:
    """The wait that the API asks for, or an exponential backoff, which is longer after 429 Too Many Requests."""
    error = _error_of(state)
    if not isinstance(error, RetryableError):
        return backoff_seconds(state.attempt_number)
    if error.wait_seconds is not None:
        return error.wait_seconds
    return backoff_seconds(state.attempt_number, 5 if error.status == HTTPStatus.TOO_MANY_REQUESTS else 0.5)


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def backoff_seconds(attempt: int, multiplier: float = 0.5) -> float:
    """Seconds to wait after failed attempt 1, 2, …: doubling, with up to a second of jitter, at most 60."""
    jitter = random.uniform(0, 1)  # noqa: S311  # spreads requests, protects nothing
    return min(multiplier * 2.0 ** (attempt - 1) + jitter, _MAX_BACKOFF_SECONDS)


def retry_after_seconds(value: str | None, now: dt.datetime) -> float | None:
    """Seconds to wait according to a Retry-After header (seconds or a date); None if it is missing or invalid."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return float(value)
    try:
        return max((email.utils.parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
