"""Values of a log as SQL: each function returns an expression for one column, whatever type the file gives it.

A value that is no number of tokens or no charge becomes -1, so that its row can be refused with a reason; a missing one
stays null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.storage.sql import literal, quoted

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
MAX_TOKENS = 10**15
USD = "decimal(38, 12)"
_USD_WHOLE_DIGITS = 26


@dataclass(frozen=True)
class Columns:
    """The columns of a log: name → DuckDB type. A column that the log does not have is null."""

    types: Mapping[str, str]
    has_decimal_comma: bool = False

    def raw(self, name: str) -> str:
        return quoted(name) if name in self.types else "null"

    def text(self, *names: str) -> str:
        """The first of these columns that is not empty, as text."""
        return _first([self._text(name) for name in names if name in self.types], "cast(null as varchar)")

    def _text(self, name: str) -> str:
        text = f"cast({quoted(name)} as varchar)"
        # `trim` takes longer than both comparisons, and few values need it.
        trimmed = f"case when {text} like ' %' or {text} like '% ' then trim({text}) else {text} end"
        return f"nullif({trimmed}, '')"

    def json(self, name: str) -> str:
        """A nested value as JSON, also if the file holds it as text."""
        if name not in self.types:
            return "cast(null as json)"
        kind = self.types[name]
        if kind in ("VARCHAR", "JSON"):
            return f"try_cast({quoted(name)} as json)"
        return f"to_json({quoted(name)})"

    def count(self, *names: str) -> str:
        """A number of tokens or requests, -1 if the value is none."""
        return _first([self._count(name) for name in names if name in self.types], "cast(null as bigint)")

    def _count(self, name: str) -> str:
        if self.types[name] in _INTEGERS:
            return f"greatest(try_cast({quoted(name)} as bigint), -1)"
        return count_of(quoted(name))

    def usd(self, name: str) -> str:
        """A charge, -1 if the value is none."""
        if name not in self.types:
            return f"cast(null as {USD})"
        # Looking for values that are none takes ten times as long as the cast.
        return f"cast({quoted(name)} as {USD})" if self._always_fits(name) else usd_of(self._amount(name))

    def _always_fits(self, name: str) -> bool:
        """Whether every value of a column can be an amount of money, by its type."""
        decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", self.types[name])
        return bool(decimal and int(decimal[1]) - int(decimal[2]) <= _USD_WHOLE_DIGITS)

    def signed_usd(self, name: str) -> str:
        """An amount of money that may be negative, null if the value is none."""
        return f"try_cast({self._amount(name)} as {USD})" if name in self.types else f"cast(null as {USD})"

    def _amount(self, name: str) -> str:
        return f"replace({quoted(name)}, ',', '.')" if self.has_decimal_comma else quoted(name)

    def time(self, *names: str) -> str:
        """A time in UTC, from a timestamp, an ISO 8601 text or seconds, milliseconds … since 1970."""
        return _first([self._time(name) for name in names if name in self.types], "cast(null as timestamp)")

    def _time(self, name: str) -> str:
        column, kind = quoted(name), self.types[name]
        if kind in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
            return f"try_cast({column} as timestamp)"
        return time_of(f"cast({column} as varchar)")

    def flag(self, name: str) -> str:
        """Whether a column says yes: true, "True", 1."""
        if name not in self.types:
            return "cast(null as boolean)"
        return f"lower(cast({quoted(name)} as varchar)) in ('true', 't', '1', 'yes')"


def _first(found: list[str], otherwise: str) -> str:
    return f"coalesce({', '.join(found)})" if len(found) > 1 else (found or [otherwise])[0]


def count_of(value: str) -> str:
    """A number of tokens from text or a decimal number: null if it is empty, -1 if it is no whole number from 0."""
    number = f"try_cast({value} as double)"
    return (
        f"case when {number} between 0 and {MAX_TOKENS} and {number} = trunc({number}) then cast({number} as bigint) "
        f"when nullif(trim(cast({value} as varchar)), '') is not null then -1 end"
    )


def usd_of(value: str) -> str:
    """A charge from text or a number: null if it is empty, -1 if it is no number."""
    return (
        f"coalesce(try_cast({value} as {USD}), "
        f"case when nullif(trim(cast({value} as varchar)), '') is not null then cast(-1 as {USD}) end)"
    )


def time_of(text: str) -> str:
    """A time in UTC from text. An offset counts; without one, the time is UTC.

    DuckDB ignores the offset of a text that is cast to TIMESTAMP, so it is cast to TIMESTAMPTZ, in a session in UTC.
    """
    number = f"try_cast({text} as bigint)"
    with_offset = f"try_cast(try_cast({text} as timestamptz) as timestamp)"
    return (
        # OpenRouter's form has no offset, so the faster cast reads it. What begins like a date is no number.
        f"case when {text} glob '????-??-?? ??:??:??.[0-9][0-9][0-9]' then try_cast({text} as timestamp) "
        f"when {text} like '____-%' or {number} is null then {with_offset} "
        f"when {number} >= 10^17 then make_timestamp({number} // 1000) "
        f"when {number} >= 10^14 then make_timestamp({number}) "
        f"when {number} >= 10^11 then make_timestamp({number} * 1000) "
        f"when {number} >= 10^8 then make_timestamp({number} * 1000000) end"
    )


def path(json: str, *names: str) -> str:
    """The text at a path of names in a JSON value; a name may contain dots."""
    steps = "".join(f'."{name}"' for name in names)
    return f"json_extract_string({json}, {literal('$' + steps)})"
