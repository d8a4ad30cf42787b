"""Typed fields of a JSON object, without losing any other field.

A field of the expected JSON type becomes a value; unknown fields remain and are kept as `extra`; a known field of
another type is an error that names it. A value of the right type that its column cannot hold (a large integer, a
timestamp outside the calendar) stays in `extra` too, unless the field is required. Which fields a surface has is
defined in `parsers`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import Any, TypeVar

from orchestration.errors import ResponseError
from orchestration.openrouter.schemas import PRICE

T = TypeVar("T")

_PRICE_STEP = Decimal(1).scaleb(-PRICE.scale)
_PRICE_CONTEXT = Context(prec=PRICE.precision)
# USD per unit. More cannot be the price of one token, request or image, and would overflow in products with tokens.
PRICE_LIMIT = Decimal(10)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS = re.compile(r"[0-9]{1,19}")
_INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*")
# Python converts integers up to this length with any setting.
_MAX_INTEGER_DIGITS = sys.int_info.str_digits_check_threshold
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
# Escapes in a JSON text: a backslash, a whole surrogate pair, or half a pair (the group).
_CODE = r"[0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:\\|u[dD][89abAB]{_CODE}\\u[dD][c-fC-F]{_CODE}|(u[dD][89a-fA-F]{_CODE}))")
_MAX_MESSAGE_LENGTH = 500
# How much longer than a message a text may be if most of it is white space, such as the text of a web page.
_MAX_SPACING = 20
_MAX_VALUE_LENGTH = 80


class AmbiguousObject(dict[str, Any]):
    """An object whose JSON repeats `repeated_name` with different values."""

    repeated_name: str


class _HugeNumber(Decimal):
    """A JSON number whose exponent Decimal cannot hold: infinite as a value, kept in `extra` as its `literal`."""

    literal: str


def decode(payload: bytes) -> str:
    """Text in UTF-8, UTF-16 or UTF-32, with or without a byte order mark; half a surrogate pair becomes U+FFFD.

    Neither Arrow nor UTF-8 can hold half a pair. Raises UnicodeDecodeError for any other encoding.
    """
    return _SURROGATE.sub("\ufffd", payload.decode(json.detect_encoding(payload), "surrogatepass"))


def from_json(payload: bytes) -> Any:
    """The value of a JSON text, with fractions and exponents as Decimal; see also `AmbiguousObject`.

    Raises ValueError for anything but JSON, including NaN and Infinity, and RecursionError if it is nested too deeply.
    """
    text = decode(payload)
    if _SURROGATE_ESCAPE.search(text):
        text = _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)
    return json.loads(
        text,
        parse_float=_decimal,
        parse_int=lambda literal: int(literal) if len(literal) <= _MAX_INTEGER_DIGITS else Decimal(literal),
        parse_constant=_reject_constant,
        object_pairs_hook=_object_of_pairs,
    )


def _decimal(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:
        number = _HugeNumber("Infinity")
        number.literal = literal
        return number


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _object_of_pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                found = AmbiguousObject(found)
                found.repeated_name = name
                break
    return found


def one_line(text: str, limit: int = _MAX_MESSAGE_LENGTH) -> str:
    """Text from a response for use in a message: one printable line of at most `limit` characters."""
    words = " ".join(text[: _MAX_SPACING * limit].split())
    line = "".join(character if character.isprintable() else "\ufffd" for character in words)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def describe_error(error: Exception) -> str:
    """Why a response cannot be parsed, on one line, for any exception of its parser."""
    if isinstance(error, ResponseError):
        return one_line(str(error))
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return one_line(f"its parser failed on a value ({type(error).__name__}: {error})")


def json_type(value: Any) -> str:
    """The JSON type of a value, for a message."""
    if value is None:
        return "missing"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")


class Fields:
    """One JSON object; `take` removes a field from it, and `extra` is the JSON of those that remain.

    A field that is missing or null is None. One of another JSON type than expected raises ResponseError, which names
    `where` and the field; so does an object that repeats a name with different values.
    """

    def __init__(self, value: dict[str, Any], where: str) -> None:
        if isinstance(value, AmbiguousObject):
            raise ResponseError(f"{where} contains `{value.repeated_name}` twice with different values")
        self._remaining = dict(value)
        self.where = where
        self._nested: dict[str, Fields] = {}

    def take(self, name: str, convert: Callable[[Any], T | None]) -> T | None:
        """The field's value; None if it is missing, or if its column cannot hold it (it then stays in extra)."""
        value = self._remaining.get(name)
        if value is None:
            self._remaining.pop(name, None)
            return None
        try:
            typed = convert(value)
        except TypeError as expected:
            raise self._error(name, value, str(expected)) from None
        if typed is not None:
            del self._remaining[name]
        return typed

    def require(self, name: str, convert: Callable[[Any], T | None]) -> T:
        """Like `take`, but raises ResponseError if the result is None."""
        value = self._remaining.get(name)
        typed = self.take(name, convert)
        if typed is None:
            raise self._error(name, value, convert.__name__.replace("_", " "))
        return typed

    def _error(self, name: str, value: Any, expected: str) -> ResponseError:
        shown = "missing" if value is None else _shown(value)
        return ResponseError(f"{self.where}: `{name}` is {shown}; expected {expected}")

    def inside(self, name: str) -> Fields:
        """The nested object of that name; its remaining fields are part of this object's extra."""
        nested = self.take(name, _object) or {}
        self._nested[name] = Fields(nested, f"{self.where}, `{name}`")
        return self._nested[name]

    def _left(self) -> dict[str, Any]:
        nested = {name: fields._left() for name, fields in self._nested.items()}
        return self._remaining | {name: left for name, left in nested.items() if left}

    def extra(self) -> str | None:
        """JSON of the fields that were not taken; None if there are none."""
        left = self._left()
        return to_json(left) if left else None


def _shown(value: Any) -> str:
    text = str(_number(value)) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else text[: _MAX_VALUE_LENGTH - 3] + "…"


def to_json(value: Any) -> str:
    """Compact JSON with sorted keys, so that equal values give equal text. Numbers stay numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_number)


def _number(value: Any) -> float | str:
    """A Decimal as the float that equals it, or as text if no float does."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not a JSON value")
    if isinstance(value, _HugeNumber):
        return value.literal
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def _typed(value: Any, kinds: type | tuple[type, ...], expected: str) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise TypeError(expected)
    return value


def _object(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = _typed(value, dict, "object")
    return found


def text(value: Any) -> str:
    return str(_typed(value, str, "text"))


def boolean(value: Any) -> bool:
    return bool(_typed(value, bool, "boolean"))


def number(value: Any) -> float | None:
    """A JSON number that fits DOUBLE."""
    try:
        found = float(_typed(value, (int, Decimal), "number"))
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def integer(value: Any) -> int | None:
    """A JSON integer that fits BIGINT; a number such as 200000.0 counts, a boolean does not."""
    number = Decimal(_typed(value, (int, Decimal), "integer"))
    if number != number.to_integral_value():
        raise TypeError("integer")
    # Compared before it is converted: 1E+1000000 as an int would have a million digits.
    return int(number) if -_INT64_MAX <= number <= _INT64_MAX else None


def small_integer(value: Any) -> int | None:
    """A JSON integer that fits INTEGER."""
    found = integer(value)
    return found if found is not None and -_INT32_MAX <= found <= _INT32_MAX else None


def texts(value: Any) -> list[str]:
    return [text(item) for item in _typed(value, list, "list of texts")]


def objects(value: Any) -> list[dict[str, Any]]:
    return [_object(item) for item in _typed(value, list, "list of objects")]


def json_object(value: Any) -> str:
    return to_json(_object(value))


def unix_time(value: Any) -> dt.datetime | None:
    """Unix seconds as UTC; None outside the years 1 to 9999."""
    seconds = integer(value)
    try:
        return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None


def price(value: Any) -> Decimal | None:
    """A decimal string or number below 10 USD per unit; None if the lake's price column cannot hold it exactly."""
    literal = _typed(value, (str, int, Decimal), "price")
    try:
        number = Decimal("_" if "_" in str(literal) else literal)  # Decimal would ignore the underscores
    except InvalidOperation:
        if isinstance(literal, str) and _NUMBER.fullmatch(literal):
            return None  # Decimal cannot hold its exponent
        raise TypeError("price") from None
    # Compared without `abs`, which overflows from 1E+1000000 on.
    if not number.is_finite() or not -PRICE_LIMIT < number < PRICE_LIMIT:
        return None
    try:
        exact = number.quantize(_PRICE_STEP, context=_PRICE_CONTEXT)
    except InvalidOperation:
        return None
    return exact if exact == number else None


def token_count(value: Any) -> int | None:
    """A decimal string (or integer) of 0 to 2^63 − 1 tokens."""
    count = integer(int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value)
    return count if count is not None and count >= 0 else None


def day(value: Any) -> dt.date:
    """A date as `YYYY-MM-DD`; other formats that Python accepts are errors."""
    if not _DAY.fullmatch(_typed(value, str, "day")):
        raise TypeError("day")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise TypeError("day") from None


def timestamp(value: Any) -> dt.datetime | None:
    """An ISO 8601 timestamp with an offset, as UTC; None outside the years 1 to 9999."""
    try:
        parsed = dt.datetime.fromisoformat(_typed(value, str, "timestamp"))
    except ValueError:
        raise TypeError("timestamp") from None
    if not parsed.tzinfo:
        raise TypeError("timestamp")
    try:
        return parsed.astimezone(dt.UTC)
    except OverflowError:
        return None
