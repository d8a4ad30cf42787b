"""Reading one JSON object field by field, so that nothing in it is lost.

A field of the expected type becomes a value; everything else stays behind and is kept as `extra`. Which
fields a surface has is not said here but in `surfaces`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Any, TypeVar

from orchestration.openrouter.schemas import PRICE

T = TypeVar("T")

_PRICE_STEP = Decimal(1).scaleb(-PRICE.scale)
_PRICE_CONTEXT = Context(prec=PRICE.precision)
# USD a unit; more is no price of one token, request or image, and a day's tokens times it would not fit.
_PRICE_LIMIT = Decimal(10)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS = re.compile(r"[0-9]{1,19}")
_INT64_MAX = 2**63 - 1


class Fields:
    """One JSON object; `take` moves a field out of it, `extra` is the JSON of what was not taken."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._rest = dict(value)
        self._inside: dict[str, Fields] = {}

    def take(self, name: str, read: Callable[[Any], T | None]) -> T | None:
        """The field's value, or None where it is missing, null, or not what `read` expects (then it stays in extra)."""
        value = self._rest.get(name)
        typed = None if value is None else read(value)
        if value is None or typed is not None:
            self._rest.pop(name, None)
        return typed

    def inside(self, name: str) -> Fields:
        """The nested object of that name; what is not taken from it stays in this object's extra, in its place."""
        nested = self._rest.get(name)
        if not isinstance(nested, dict):
            return Fields({})
        del self._rest[name]
        self._inside[name] = Fields(nested)
        return self._inside[name]

    def _left(self) -> dict[str, Any]:
        inside = {name: fields._left() for name, fields in self._inside.items()}
        return self._rest | {name: left for name, left in inside.items() if left}

    def extra(self) -> str | None:
        """JSON of what was not taken, None if that is nothing."""
        left = self._left()
        return to_json(left) if left else None


def to_json(value: Any) -> str:
    """Compact JSON with sorted keys, so that equal values give equal text. Numbers stay numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_number)


def _number(value: Any) -> float | str:
    """A Decimal as the float that is written the same, or as text if none is."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def integer(value: Any) -> int | None:
    """A JSON integer that fits BIGINT; a number such as 200000.0 counts, a boolean does not."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return int(number) if abs(number) <= _INT64_MAX and number == int(number) else None


def texts(value: Any) -> list[str] | None:
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def json_object(value: Any) -> str | None:
    return to_json(value) if isinstance(value, dict) else None


def moment(value: Any) -> dt.datetime | None:
    """Unix seconds → UTC."""
    seconds = integer(value)
    try:
        return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None


def price(value: Any) -> Decimal | None:
    """A decimal string or number of under 10 USD a unit, if the lake's price column holds it exactly."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or "_" in str(value):
        return None
    try:
        number = Decimal(value)
        if not number.is_finite() or abs(number) >= _PRICE_LIMIT:
            return None
        exact = number.quantize(_PRICE_STEP, context=_PRICE_CONTEXT)
    except InvalidOperation:
        return None
    return exact if exact == number else None


def token_count(value: Any) -> int | None:
    """A decimal string (or integer) of 0 to 2^63 − 1 tokens."""
    count = integer(int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value)
    return count if count is not None and count >= 0 else None


def day(value: Any) -> dt.date | None:
    """`YYYY-MM-DD`, and nothing else that Python would take for a date."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        return None


def instant(value: Any) -> dt.datetime | None:
    """An ISO 8601 moment with its offset → UTC."""
    if not isinstance(value, str):
        return None
    try:
        parsed = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed.astimezone(dt.UTC) if parsed.tzinfo else None
