"""Reading one JSON object field by field, so that nothing in it is lost.

A field of the expected type becomes a value, what is unknown stays behind and is kept as `extra`, and a known field of
another JSON type is an error that names it. A value of the right type that the lake cannot hold (an integer past its
column, a moment outside the calendar) stays in `extra` too, unless the field is required. Which fields a surface has is
not said here but in `readers`.
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
# USD a unit; more is no price of one token, request or image, and a day's tokens times it would not fit.
_PRICE_LIMIT = Decimal(10)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS = re.compile(r"[0-9]{1,19}")
_INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*")
# Python converts integers of up to so many digits whatever its settings.
_MAX_INTEGER_DIGITS = sys.int_info.str_digits_check_threshold
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
# Escapes of a JSON text in their order: a backslash, a whole surrogate pair, half a pair (the group).
_CODE = r"[0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:\\|u[dD][89abAB]{_CODE}\\u[dD][c-fC-F]{_CODE}|(u[dD][89a-fA-F]{_CODE}))")
_MAX_SHOWN = 500


class Repeating(dict[str, Any]):
    """An object whose JSON repeats a name with different values, so that nobody can say which of them is meant."""

    name: str


class _Unbounded(Decimal):
    """A JSON number whose exponent Decimal cannot hold: infinite for readers, and kept as it was written."""

    written: str


def decode(payload: bytes) -> str:
    """Text in UTF-8, UTF-16 or UTF-32, with or without a byte order mark; half a surrogate pair becomes U+FFFD.

    Neither Arrow nor UTF-8 can hold half a pair. Raises UnicodeDecodeError if it is no such text.
    """
    return _SURROGATE.sub("\ufffd", payload.decode(json.detect_encoding(payload), "surrogatepass"))


def from_json(payload: bytes) -> Any:
    """The value of a JSON text: numbers with a fraction or an exponent as Decimal, an ambiguous object as `Repeating`.

    Raises ValueError (or RecursionError, where it is nested too deeply) if it is not JSON: NaN and Infinity are not.
    """
    text = decode(payload)
    if _SURROGATE_ESCAPE.search(text):
        text = _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)
    return json.loads(
        text,
        parse_float=_decimal,
        parse_int=lambda written: int(written) if len(written) <= _MAX_INTEGER_DIGITS else Decimal(written),
        parse_constant=_no_constant,
        object_pairs_hook=_unambiguous,
    )


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:
        number = _Unbounded("Infinity")
        number.written = written
        return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _unambiguous(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                found = Repeating(found)
                found.name = name
                break
    return found


def one_line(text: str, limit: int = _MAX_SHOWN) -> str:
    """Text of a response as a message can show it: on one line, printable, and not too long."""
    shown = "".join(one if one.isprintable() else "\ufffd" for one in " ".join(text[: 2 * limit].split()))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def reason(error: Exception) -> str:
    """Why a response cannot be read, on one line, whatever its reader raised."""
    if isinstance(error, ResponseError):
        return one_line(str(error))
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return one_line(f"its reader cannot hold a value in it ({type(error).__name__}: {error})")


class Fields:
    """One JSON object; `take` moves a field out of it, `extra` is the JSON of what was not taken.

    A field that is missing or null is None; one of another JSON type than expected raises ResponseError saying where,
    and so does an object that repeats a name with different values.
    """

    def __init__(self, value: dict[str, Any], where: str) -> None:
        if isinstance(value, Repeating):
            raise ResponseError(f"{where} contains `{value.name}` twice with different values")
        self._rest = dict(value)
        self.where = where
        self._inside: dict[str, Fields] = {}

    def take(self, name: str, read: Callable[[Any], T | None]) -> T | None:
        """The field's value; None too where `read` cannot use it though its type is right (then it stays in extra)."""
        value = self._rest.get(name)
        if value is None:
            self._rest.pop(name, None)
            return None
        try:
            typed = read(value)
        except TypeError as expected:
            raise ResponseError(f"{self.where}: `{name}` is {_shown(value)}, which is no {expected}") from None
        if typed is not None:
            del self._rest[name]
        return typed

    def require(self, name: str, read: Callable[[Any], T | None]) -> T:
        """As `take`, of a field that must be there and be usable."""
        value = self._rest.get(name)
        typed = self.take(name, read)
        if typed is None:
            raise ResponseError(
                f"{self.where}: `{name}` is {_shown(value)}, which is no {read.__name__.replace('_', ' ')}"
            )
        return typed

    def inside(self, name: str) -> Fields:
        """The nested object of that name; what is not taken from it stays in this object's extra, in its place."""
        nested = self.take(name, _mapping) or {}
        self._inside[name] = Fields(nested, f"{self.where}, `{name}`")
        return self._inside[name]

    def _left(self) -> dict[str, Any]:
        inside = {name: fields._left() for name, fields in self._inside.items()}
        return self._rest | {name: left for name, left in inside.items() if left}

    def extra(self) -> str | None:
        """JSON of what was not taken, None if that is nothing."""
        left = self._left()
        return to_json(left) if left else None


def _shown(value: Any) -> str:
    text = str(_number(value)) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def to_json(value: Any) -> str:
    """Compact JSON with sorted keys, so that equal values give equal text. Numbers stay numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_number)


def _number(value: Any) -> float | str:
    """A Decimal as the float that is written the same, or as text if none is."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no JSON")
    if isinstance(value, _Unbounded):
        return value.written
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def _typed(value: Any, kinds: type | tuple[type, ...], expected: str) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise TypeError(expected)
    return value


def _mapping(value: Any) -> dict[str, Any]:
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
    return [_mapping(item) for item in _typed(value, list, "list of objects")]


def json_object(value: Any) -> str:
    return to_json(_mapping(value))


def moment(value: Any) -> dt.datetime | None:
    """Unix seconds → UTC."""
    seconds = integer(value)
    try:
        return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None


def price(value: Any) -> Decimal | None:
    """A decimal string or number of under 10 USD a unit, if the lake's price column holds it exactly."""
    written = _typed(value, (str, int, Decimal), "price")
    try:
        number = Decimal("_" if "_" in str(written) else written)
    except InvalidOperation:
        if isinstance(written, str) and _NUMBER.fullmatch(written):
            return None  # its exponent is beyond Decimal
        raise TypeError("price") from None
    # Compared without `abs`, which overflows from 1E+1000000 on.
    if not number.is_finite() or not -_PRICE_LIMIT < number < _PRICE_LIMIT:
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
    """`YYYY-MM-DD`, and nothing else that Python would take for a date."""
    if not _DAY.fullmatch(_typed(value, str, "day")):
        raise TypeError("day")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise TypeError("day") from None


def instant(value: Any) -> dt.datetime | None:
    """An ISO 8601 moment with its offset → UTC, if that lies in the years 1 to 9999."""
    try:
        parsed = dt.datetime.fromisoformat(_typed(value, str, "instant"))
    except ValueError:
        raise TypeError("instant") from None
    if not parsed.tzinfo:
        raise TypeError("instant")
    try:
        return parsed.astimezone(dt.UTC)
    except OverflowError:
        return None
