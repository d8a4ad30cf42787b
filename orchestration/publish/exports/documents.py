"""The text of exported documents: JSON and YAML with exact decimals as plain numbers and sorted keys."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import yaml

# Marks a decimal inside a JSON string, until it is written as a number; JSON text cannot contain it otherwise.
_MARK = "\ue000"
_MARKED = re.compile(f'"{_MARK}([^"]*){_MARK}"')


def plain(number: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: 0.0000001, 15, 0."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_json(document: Any, sort_keys: bool = True) -> str:
    """The document as JSON, with decimals as numbers. Raises ValueError for NaN and infinity."""
    marked = json.dumps(document, indent=1, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False, default=_marked)
    return _MARKED.sub(r"\1", marked) + "\n"


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{plain(value)}{_MARK}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # the library has no types
    pass


# YAML 1.1 reads 9e-8 as a string, so a number needs its decimal point.
_Dumper.add_representer(
    Decimal, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", f"{plain(number)}")
)


def as_yaml(document: Any) -> str:
    """The document as YAML, with decimals as plain numbers, and keys in the given order."""
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))
