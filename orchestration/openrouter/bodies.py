"""Several responses as one body: the pages of a list, and the endpoints of every model.

`client` fetches them, and `parsers` interpret their rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orchestration.openrouter.surfaces import Pages

# Every parser can read a body that is nested this much deeper than a response's own.
_SPARE_NESTING = 200


def parse_page(payload: bytes) -> dict[str, Any] | None:
    """The body of a page; None if it is not JSON or has no list of rows."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and isinstance(body.get("data"), list) else None


def next_page(body: Mapping[str, Any], offset: int, limit: int, max_offset: int | None) -> tuple[int, int] | None:
    """Offset and limit of the page after this one; None after the last page.

    A surface with a greatest offset has a next page as long as pages are full; others name it in `links.next`.
    """
    if max_offset is not None:
        return (offset + limit, limit) if len(body["data"]) == limit and offset + limit <= max_offset else None
    links = body.get("links")
    url = links.get("next") if isinstance(links, dict) else None
    if not isinstance(url, str):
        return None
    try:
        query = parse_qs(urlsplit(url).query)
        return int(query["offset"][0]), int(query.get("limit", [str(limit)])[0])
    except (KeyError, ValueError):
        return offset, limit


def join_pages(bodies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The pages of a list as one body: all rows, the first page's `as_of`, the last page's markers of a next page."""
    first, last = bodies[0], bodies[-1]
    whole = {**first, **last, "data": [row for body in bodies for row in body["data"]]}
    if isinstance(whole.get("meta"), dict) and isinstance(first.get("meta"), dict):
        whole["meta"] = last["meta"] | {name: value for name, value in first["meta"].items() if name == "as_of"}
    if isinstance(whole.get("links"), dict):
        whole["links"] = {**whole["links"], "next": None}
    return whole


def is_consistent(whole: Mapping[str, Any], pages: Pages) -> bool:
    """Whether joined pages hold each row once, and as many as they announce; otherwise the list changed in between."""
    keys = [str([row.get(name) for name in pages.key]) for row in whole["data"] if isinstance(row, dict)]
    total = whole.get("total_count", len(keys)) if pages.max_offset is None else len(keys)
    return bool(len(set(keys)) == len(whole["data"]) == total)


def to_payload(body: Mapping[str, Any]) -> bytes:
    """Compact JSON. It is escaped, because JSON may contain half a surrogate pair, which UTF-8 cannot encode."""
    return json.dumps(body, separators=(",", ":")).encode()


def json_member(payload: bytes) -> bytes | None:
    """A JSON object as UTF-8 that can be a member of another object; None if the payload is not a JSON object.

    A response may be in UTF-16 or begin with a byte order mark, which cannot be part of another body.
    """
    try:
        text = payload.decode(json.detect_encoding(payload)).strip()
        # A body that can only just be parsed on its own would make the joined body unparsable.
        json.loads("[" * _SPARE_NESTING + text + "]" * _SPARE_NESTING, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return text.encode() if text.startswith("{") else None


def error_member(status: int, message: str) -> bytes:
    """The API's error object, for a model without endpoints to record."""
    return json.dumps({"error": {"code": status, "message": message}}).encode()


def join_members(members: Iterable[tuple[str, bytes]]) -> bytes:
    """One JSON object of named members, each as its own bytes."""
    return b"{" + b",".join(json.dumps(name).encode() + b":" + member for name, member in members) + b"}"
