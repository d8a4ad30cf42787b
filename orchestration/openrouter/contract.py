"""OpenRouter's own description of its responses, and where a response differs from it.

`contract.json` has the schema of each surface's response, taken from the OpenAPI description of August 2026
(openrouter.ai/openapi.json, MIT licence), without its texts and examples. It does not describe the keyless export. Runs
rely on `parsers` alone, which accept more: only `live_check` compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from orchestration.openrouter.json_fields import json_type, one_line
from orchestration.openrouter.surfaces import Surface

CONTRACT = Path(__file__).with_name("contract.json")
# A hostile body could differ a million times, and each comparison takes time.
MAX_DIFFERENCES = 1_000
_MAX_NAME_LENGTH = 60
_IS_NULL = ("type", "null")


@dataclass(frozen=True)
class Difference:
    """One kind of difference, and how many values have it.

    `is_addition` is true for a field that the contract lacks, and for a value that its list of values lacks, such as
    the name of a new provider: the API adds both at any time.
    """

    problem: str
    count: int
    is_addition: bool

    def __str__(self) -> str:
        return self.problem + (f" ({self.count:,} times)" if self.count > 1 else "")


def differences(surface: Surface, body: Any) -> list[Difference]:
    """Where a body (from JSON) differs from the contract; empty for a surface that it does not describe.

    No more than MAX_DIFFERENCES are counted.
    """
    schemas = _schemas()
    if surface.name not in schemas["properties"]:
        return []
    validator = Draft202012Validator({"$ref": f"#/properties/{surface.name}", **schemas})
    found: dict[str, Difference] = {}
    last: Any = None
    for error in islice(_causes(validator.iter_errors(body)), MAX_DIFFERENCES):
        # Each missing field of an object is an error of its own.
        place = (error.validator, *error.absolute_path)
        difference = _difference(error) if place != last else None
        last = place
        if difference:
            count = found[difference.problem].count + 1 if difference.problem in found else 1
            found[difference.problem] = replace(difference, count=count)
    return list(found.values())


@cache
def _schemas() -> dict[str, Any]:
    """The schemas, in which an object has no other fields than those that are described."""

    def closed(schema: Any) -> Any:
        if isinstance(schema, list):
            return [closed(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        fields = {"additionalProperties": False} if "properties" in schema and "type" in schema else {}
        return fields | {name: closed(value) for name, value in schema.items()}

    contract = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return {name: closed(contract[name]) for name in ("properties", "$defs")}


def _causes(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """The errors; where no alternative fits, the errors of the one that has the fewest, but not those of a null."""
    for error in errors:
        alternatives: dict[Any, list[ValidationError]] = {}
        for cause in error.context or ():
            alternatives.setdefault(cause.schema_path[0], []).append(cause)
        candidates = [one for one in alternatives.values() if (one[0].validator, one[0].validator_value) != _IS_NULL]
        if candidates:
            nearest = min(candidates, key=len)
            yield from _causes(nearest)
        else:
            yield error


def _difference(error: ValidationError) -> Difference | None:
    """What the error says; None if another one says it too: a number is no value of a list of texts."""
    value, expected = error.instance, error.validator_value
    path = ".".join("*" if isinstance(part, int) else str(part) for part in error.absolute_path)
    name = f"`{one_line(path, _MAX_NAME_LENGTH)}`" if path else "the body"
    match error.validator:
        case "additionalProperties":
            fields = _names(field for field in value if field not in error.schema["properties"])
            return Difference(f"{name} has the new {fields}", 1, is_addition=True)
        case "enum":
            if not isinstance(value, str):
                return None
            return Difference(f"{name} has the new value {one_line(value, _MAX_NAME_LENGTH)!r}", 1, is_addition=True)
        case "required":
            fields = _names(field for field in expected if field not in value)
            return Difference(f"{name} lacks the {fields}", 1, is_addition=False)
        case "type":
            kinds = " or ".join(expected) if isinstance(expected, list) else expected
            kind = "null" if value is None else json_type(value)
            return Difference(f"{name} is {kind}, not {kinds}", 1, is_addition=False)
    return Difference(f"{name} is outside the limit `{error.validator}`", 1, is_addition=False)


def _names(fields: Iterable[str]) -> str:
    names = sorted(fields)
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    listed = ", ".join(f"`{one_line(name, _MAX_NAME_LENGTH)}`" for name in names[:3])
    return f"field{'s' if len(names) > 1 else ''} {listed}{more}"
