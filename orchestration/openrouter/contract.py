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
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from orchestration.openrouter.json_fields import one_line
from orchestration.openrouter.surfaces import Surface

CONTRACT = Path(__file__).with_name("contract.json")
_MAX_VALUE_LENGTH = 60


@dataclass(frozen=True, order=True)
class Difference:
    """One difference: the path of the value (`*` for any position), the problem, and how many values have it.

    `is_addition` is true for a value that the contract's list of values lacks, as that of a new provider.
    """

    path: str
    problem: str
    count: int
    is_addition: bool

    def __str__(self) -> str:
        return self.problem + (f" ({self.count:,} times)" if self.count > 1 else "")


def differences(surface: Surface, body: Any) -> list[Difference]:
    """Where a body (from JSON) differs from the contract; empty for a surface that it does not describe."""
    schemas = _schemas()
    if surface.name not in schemas["properties"]:
        return []
    validator = Draft202012Validator({"$ref": f"#/properties/{surface.name}", **schemas})
    found: dict[tuple[str, ...], Difference] = {}
    for error in _causes(validator.iter_errors(body)):
        kind, difference = _difference(error)
        found[kind] = replace(difference, count=found[kind].count + 1) if kind in found else difference
    return sorted(found.values())


@cache
def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return schemas


def _causes(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """The errors; where no alternative fits, the errors of the one that has the fewest."""
    for error in errors:
        alternatives: dict[Any, list[ValidationError]] = {}
        for cause in error.context or ():
            alternatives.setdefault(cause.schema_path[0], []).append(cause)
        if alternatives:
            nearest = min(alternatives.values(), key=len)
            yield from _causes(nearest)
        else:
            yield error


def _difference(error: ValidationError) -> tuple[tuple[str, ...], Difference]:
    """The difference, and what it has in common with others that are counted with it."""
    path = ".".join("*" if isinstance(part, int) else str(part) for part in error.absolute_path)
    name = f"`{one_line(path)}`" if path else "The body"
    shown = one_line(json.dumps(error.instance, ensure_ascii=False, default=str), _MAX_VALUE_LENGTH)
    expected, common = error.validator_value, ""
    if error.validator == "required":
        common = ", ".join(f"`{field}`" for field in expected if field not in error.instance)
        problem = f"{name} has no {common}"
    elif error.validator == "enum":
        common = shown
        problem = f"{name} has the new value {shown}"
    elif error.validator == "type":
        kinds = " or ".join(expected) if isinstance(expected, list) else expected
        problem = f"{name} is {shown}; the contract says {kinds}"
    else:
        problem = f"{name} is {shown}, which the contract's `{error.validator}` excludes"
    kind = (path, str(error.validator), common)
    return kind, Difference(path, problem, 1, is_addition=error.validator == "enum")
