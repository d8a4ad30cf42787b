"""Errors for HTTP statuses, with messages that say what to do.

The API's errors are `{"error": {"code": int, "message": str}}`, some of them with status 200. An error status without
such an object comes from a proxy or firewall in between.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from orchestration.errors import KeyRefusedError, NotFoundError, QuotaSpentError, SourceError
from orchestration.openrouter.json_fields import one_line
from orchestration.openrouter.retries import MAX_WAIT_SECONDS, RetryableError, retry_after_seconds

GET_A_KEY = (
    "Create a key at openrouter.ai/settings/keys and set it as the environment variable OPENROUTER_API_KEY; "
    "without a key, SOURCE=live fetches the daily snapshots, models, endpoints and providers only."
)
# An error object is short. A longer body is a list, which only its parser reads.
_MAX_ERROR_BYTES = 64 * 1024
_MAX_PAGE_BYTES = 4096
_MAX_MESSAGE_LENGTH = 200
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^<>]*>([^<]+)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def raise_for_status(
    url: str,
    status: int,
    headers: Mapping[str, str],
    payload: bytes,
    *,
    needs_key: bool,
    has_key: bool,
    now: dt.datetime,
    redact: Callable[[str], str],
) -> None:
    """Raises the error for a response; does nothing for data and for status 304.

    `needs_key` says whether the surface requires a key, `has_key` whether one is set; `redact` removes it from text.
    Raises RetryableError if another attempt may succeed, else SourceError or one of its kinds.
    """
    code, api_message = _api_error(payload)
    failure = f"{redact(url)} returned {status}"
    is_another_code = code is not None and code != status
    if status == HTTPStatus.OK and code:  # the API returns some errors with 200; the code in the body is the status
        status = code
    if status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        return
    is_from_api = bool(api_message)
    message = redact(api_message or _page_text(headers, payload))
    failure += f" with error {code}" if is_another_code else ""
    failure += f" ({message})" if message else ""
    if status == HTTPStatus.PAYMENT_REQUIRED:
        raise SourceError(
            f"{failure}. The key's account has too few credits for this request. Responses already fetched are "
            "kept. Add credits at openrouter.ai/settings/credits, and run again."
        )
    # A 403 that is not the API's own error is a page of a proxy or firewall; a key would not help.
    if status == HTTPStatus.UNAUTHORIZED and (needs_key or is_from_api):
        reason = "The API rejects the key in OPENROUTER_API_KEY" if has_key else "The API requires a key"
        raise KeyRefusedError(f"{failure}. {reason}; the lake is unchanged. {GET_A_KEY}")
    if status == HTTPStatus.FORBIDDEN and needs_key and is_from_api:
        reason = "The key in OPENROUTER_API_KEY may not fetch this" if has_key else "The API requires a key"
        raise KeyRefusedError(f"{failure}. {reason}; the lake is unchanged. {GET_A_KEY}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        refuser = "the API refuses this request" if is_from_api else "a proxy or firewall may have returned this"
        raise SourceError(
            f"{failure}: {refuser}{'' if needs_key else '; the surface needs no key'}. The lake is unchanged. Check "
            "that this network can reach the address, and run again."
        )
    if status == HTTPStatus.NOT_FOUND:
        raise NotFoundError(f"{failure}. Nothing exists there; the lake is unchanged.", api_message=message)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT) or status >= 500:
        wait = retry_after_seconds(headers.get("retry-after"), now)
        if status == HTTPStatus.TOO_MANY_REQUESTS and wait and wait > MAX_WAIT_SECONDS:
            raise QuotaSpentError(
                f"{failure} and asks the client to wait {wait / 60:.0f} minutes. Responses already fetched "
                "are kept. Run again after that to fetch the rest."
            )
        raise RetryableError(f"status {status}{f', {message}' if message else ''}", status, wait)
    raise SourceError(
        f"{failure}; a retry would not help. Responses already fetched are kept. Please report this line: "
        "the API has changed, or the request is wrong."
    )


def _api_error(payload: bytes) -> tuple[int | None, str]:
    """Code (400 to 599, or None) and message of the API's error object; None and "" for any other payload."""
    try:
        body = json.loads(payload) if len(payload) <= _MAX_ERROR_BYTES else None
        error = body.get("error") if isinstance(body, dict) and not body.get("data") else None
        if not error:
            return None, ""
        fields = error if isinstance(error, dict) else {"message": error}
        code, message = str(fields.get("code")), fields.get("message") or json.dumps(error)
    except (ValueError, RecursionError):
        return None, ""
    return int(code) if re.fullmatch("[45][0-9][0-9]", code) else None, one_line(str(message), _MAX_MESSAGE_LENGTH)


def _page_text(headers: Mapping[str, str], payload: bytes) -> str:
    """Content type and title of a page that is not the API's, such as `text/html: Access denied`; "" if it is empty."""
    if not payload:
        return ""
    content_type = headers.get("content-type", "").partition(";")[0].strip() or "no content type"
    page = payload[:_MAX_PAGE_BYTES].decode(errors="replace")
    title = _TITLE.search(page)
    text = title[1] if title else _TAG.sub(" ", _SCRIPT.sub(" ", page))
    return one_line(f"{content_type}: {html.unescape(text)}", _MAX_MESSAGE_LENGTH)
