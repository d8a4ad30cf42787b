"""Figures and dates in sentences that Python writes, by the rules of dbt_project/macros/formatting.sql; timestamps.

Sentences of the marts are formatted in SQL. The format of figures in tables and charts does not belong here.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import ROUND_HALF_UP, Decimal

# Begins every sentence and title about simulated data. The mart `claim` and the report's page have it too.
SIMULATED_PREFIX = "SIMULATED: "
_WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_DIGITS = {"tokens": 3, "USD": 2}


def rounding_of(number: float, unit: str) -> float:
    """One unit of the last digit that a sentence shows for a figure in `unit`: tokens, USD or fraction of tokens."""
    magnitude = math.floor(math.log10(abs(number))) if number else 0
    if unit == "fraction of tokens":
        return min(1e-3, 10.0 ** (magnitude - 1))
    return max(1.0, 10.0 ** (magnitude + 1 - _DIGITS[unit]))


def steps(number: float, rounding: float) -> int:
    """A figure rounded, as a count of `rounding`; half a unit is rounded up."""
    decimal = Decimal(number / rounding).quantize(Decimal("1e-6"), ROUND_HALF_UP)
    return int(decimal.quantize(Decimal(1), ROUND_HALF_UP))


def is_visible(before: float, after: float, rounding: float) -> bool:
    """Whether a change revises a sentence: the rounded figure is different, and it moved by half a unit or more.

    Without the second condition, any change would revise a value halfway between two roundings.
    """
    return steps(before, rounding) != steps(after, rounding) and abs(after - before) >= rounding / 2


def as_percent(fraction: float) -> str:
    """A share: 0.1234 → 12.3%; 0.00123 → 0.12%."""
    rounding = rounding_of(fraction, "fraction of tokens")
    percent = 100 * steps(fraction, rounding) * rounding
    if abs(percent) >= 1:
        return f"{percent:.1f}%"
    return f"{percent:.2f}%" if abs(percent) >= 0.1 else f"{percent:.2g}%"


def change_in_percent(percent: float) -> str:
    """A change in percent with its sign and two significant digits: 3.805 → +3.8%; -123 → -120%."""
    return f"{float(f'{percent:.2g}'):+,.12g}%"


def in_words(number: float, unit: str) -> str:
    """A rounded amount without its unit: 1.234e13 tokens → 12.3 trillion; 860981 USD → 860,000."""
    rounding = rounding_of(number, unit)
    rounded = steps(number, rounding) * rounding
    for size, word in _WORDS:
        if abs(rounded) >= size:
            amount = rounded / size
            whole = 3 if abs(amount) >= 100 else 2 if abs(amount) >= 10 else 1
            return f"{amount:.{max(_DIGITS[unit] - whole, 0)}f} {word}"
    return f"{rounded:,.0f}"


def usd(amount: float) -> str:
    """An estimated amount of USD, rounded: 1234567 → $1.2 million; -860981 → -$860,000."""
    return f"{'-' if amount < 0 else ''}${in_words(abs(amount), 'USD')}"


def usd_price(price: float | None, missing: str = "not listed") -> str:
    """A price in USD as listed, never rounded, with at least two decimals: 0.1 → $0.10; `missing` for None."""
    if price is None:
        return missing
    number = Decimal(as_listed(price))
    decimals = max(2, -int(number.as_tuple().exponent))
    return f"{'-' if number < 0 else ''}${abs(number):,.{decimals}f}"


def as_listed(price: float) -> str:
    """A price as listed, without its unit: 0.1 + 0.2 → 0.3."""
    return f"{price:.12g}"


def date_in_words(date: dt.date) -> str:
    """2026-07-27 → 27 July 2026."""
    return f"{date.day} {date:%B %Y}"


def timestamp_in_words(timestamp: dt.datetime) -> str:
    """A UTC timestamp: 2026-08-07T00:05:19 → 7 August 2026, 00:05 UTC."""
    return f"{date_in_words(timestamp)}, {timestamp:%H:%M} UTC"


def iso_timestamp(timestamp: dt.datetime) -> str:
    """A UTC timestamp in ISO 8601, as in citation lines: 2026-08-07T00:05:19Z."""
    return f"{timestamp:%Y-%m-%dT%H:%M:%SZ}"


def basic_timestamp(timestamp: dt.datetime) -> str:
    """A UTC timestamp in the basic format of ISO 8601, for file names: 20260807T000519Z."""
    return f"{timestamp:%Y%m%dT%H%M%SZ}"


def period_in_words(period: str, start: dt.date) -> str:
    """A period in a sentence, a week by its Monday: on 6 August 2026; in the week of 27 July 2026; in July 2026."""
    if period == "month":
        return f"in {start:%B %Y}"
    return f"{'in the week of' if period == 'week' else 'on'} {date_in_words(start)}"
