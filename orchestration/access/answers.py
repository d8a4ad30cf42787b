"""The tools of the MCP server, each as a function from checked arguments to a JSON text about the published release.

Which tools there are, what they accept and how they answer is here. The protocol, and the process that runs each call
under limits of time and memory, are in `access.mcp`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from orchestration.access.release import PublishedRelease, open_release, units_of
from orchestration.errors import QueryError, RouterscopeError, SettingsError
from orchestration.publish.freshness import measures, surfaces, worst_state
from orchestration.untrusted import visible_json

DEFAULT_ROWS = 200
MAX_ROWS = 2_000
MAX_ANSWER_CHARACTERS = 400_000
MAX_ERROR_CHARACTERS = 4_000
_MAX_TOKENS = 10**12
# DuckDB's own limit, below the one of the process, so that its message says what was too large.
_DUCKDB_MEMORY = "1GB"
_THREADS = 4

Document = dict[str, Any]


def _day(value: object) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a valid day; use YYYY-MM-DD, such as 2026-08-06") from None


def _time(value: object) -> dt.time:
    try:
        time = dt.time.fromisoformat(str(value))
    except ValueError:
        time = None
    if time is None or time.tzinfo:
        raise ValueError(f"{value!r} is not a valid time; use HH:MM in UTC, such as 16:30")
    return time


_Day = Annotated[dt.date, BeforeValidator(_day)]
_Time = Annotated[dt.time, BeforeValidator(_time)]
_Tokens = Annotated[int, Field(ge=0, le=_MAX_TOKENS)]


class _Arguments(BaseModel):
    # An unknown argument is an error: a call whose cached tokens were ignored would have the wrong cost.
    model_config = ConfigDict(extra="forbid")


class Describe(_Arguments):
    """Arguments of the tool `describe`."""

    table: str = Field("", description="Name of a table. Without it, all tables and functions are listed.")


class Query(_Arguments):
    """Arguments of the tool `query`."""

    sql: str = Field(description="One SELECT in DuckDB's SQL.")
    limit: int = Field(DEFAULT_ROWS, ge=1, le=MAX_ROWS, description="At most so many rows are returned.")


class Price(_Arguments):
    """Arguments of the tool `price`."""

    model: str = Field(description="Id or permaslug of a model, such as anthropic/claude-sonnet-4.5.")
    day: _Day | None = Field(None, description="Day in UTC (YYYY-MM-DD). Default: the newest.")
    endpoint: str = Field("", description="Tag of an endpoint. Default: all endpoints.")
    prompt_tokens: _Tokens = Field(0, description="Prompt tokens of one call, cached and cache-written ones included.")
    completion_tokens: _Tokens = Field(0, description="Completion tokens of the call, reasoning included.")
    cached_tokens: _Tokens = Field(0, description="Prompt tokens read from the cache.")
    cache_written_tokens: _Tokens = Field(0, description="Prompt tokens written to the cache.")
    searches: _Tokens = Field(0, description="Web searches of the call.")
    time_utc: _Time | None = Field(None, description="Time of the call (HH:MM, UTC), for prices of a time of day.")


@dataclass(frozen=True)
class Tool:
    """A tool: its arguments, the text that describes it to a client, and the function that answers."""

    arguments: type[BaseModel]
    description: str
    answer: Callable[[PublishedRelease, Any], Document]


def describe(release: PublishedRelease, given: Describe) -> Document:
    """All tables with rows and descriptions and the functions for SQL; or the columns of one table.

    Raises QueryError if no table has the name.
    """
    if not given.table:
        listed = {
            name: {"rows": resource["rows"], "description": resource["description"]}
            for name, resource in sorted(release.tables.items())
        }
        functions = release.connection.execute(
            "select comment from duckdb_functions() where not internal order by function_name"
        ).fetchall()
        return _about(release, []) | {"tables": listed, "functions": [comment for (comment,) in functions]}
    name = given.table.lower()
    resource = release.tables.get(name)
    if resource is None:
        similar = difflib.get_close_matches(name, release.tables, n=3)
        hint = f" Similar: {', '.join(similar)}." if similar else ""
        raise QueryError(
            f"No published table is named {given.table!r}.{hint} Call describe without a table to list all tables."
        )
    types = dict(
        release.connection.execute(
            "select column_name, data_type from duckdb_columns() where not internal and table_name = ?", [name]
        ).fetchall()
    )
    units = units_of(resource)
    columns = {
        field["name"]: {
            "type": types.get(field["name"]),
            **({"unit": units[field["name"]]} if field["name"] in units else {}),
            "description": field.get("description", ""),
        }
        for field in resource["schema"]["fields"]
    }
    return _about(release, [name]) | {
        "table": name,
        "rows": resource["rows"],
        "description": resource["description"],
        "key": resource["schema"]["primaryKey"],
        "columns": columns,
    }


def query(release: PublishedRelease, given: Query) -> Document:
    """The first rows of a SELECT as lists of values, their columns, and how many rows were left out.

    Raises QueryError as `first_rows` does, and if one row alone is too large for an answer.
    """
    from orchestration.access.query import first_rows, tables_in, units_in

    try:
        found, total = first_rows(release, given.sql, given.limit)
        rows = _fitting(list(row.values()) for batch in found.to_batches(1) for row in batch.to_pylist())
    except QueryError as error:
        raise QueryError(f"{error} Call describe to list the tables, and with a table to list its columns.") from error
    except (ValueError, OverflowError) as error:  # Python has no infinite dates, and no years after 9999
        raise QueryError(
            f"A value cannot be returned ({error}). Nothing was changed. Cast dates and timestamps to varchar."
        ) from error
    units = units_in(given.sql, release)
    columns = [{"name": name} | ({"unit": units[name]} if name in units else {}) for name in found.column_names]
    if found.num_rows and not rows:
        raise QueryError(
            f"The first row is larger than an answer may be ({MAX_ANSWER_CHARACTERS:,} characters). Nothing was "
            "changed. Select fewer columns, or shorten long texts and lists."
        )
    answer = _about(release, tables_in(given.sql, release)) | {"columns": columns, "rows": rows}
    answer["rows_left_out"] = total - len(rows)
    if len(rows) < found.num_rows:
        answer["note"] = (
            f"An answer has at most {MAX_ANSWER_CHARACTERS:,} characters. Select fewer columns to see more rows."
        )
    return answer


def price(release: PublishedRelease, given: Price) -> Document:
    """The prices of a model on a day, listed and at each endpoint, and what a call costs at each.

    Raises QueryError if the release knows no such model or endpoint, or the day is later than the release, and
    SettingsError if parts of the prompt exceed it.
    """
    from orchestration.access.prices import PRICE_TABLES, Call, prices_of

    if given.day and given.day > release.clock.date():
        raise QueryError(f"{given.day} is later than the release, whose newest day is {release.clock.date()}.")
    call = Call(
        given.prompt_tokens,
        given.completion_tokens,
        given.cached_tokens,
        given.cache_written_tokens,
        given.searches,
        given.time_utc,
    )
    is_given = bool(given.prompt_tokens or given.completion_tokens or given.searches)
    found = prices_of(release, given.model, given.day, given.endpoint, call if is_given else None)
    return _about(release, PRICE_TABLES if found.endpoints else PRICE_TABLES[:1]) | {
        "day": found.day,
        "call": given.model_dump(include=set(Price.model_fields) - {"model", "day", "endpoint"}) if is_given else None,
        "listed": [_known(row) for row in found.listed],
        "endpoints": [_known(row) for row in found.endpoints],
        "are_endpoints_too_old": found.are_endpoints_too_old,
    }


TOOLS: Mapping[str, Tool] = {
    "describe": Tool(
        Describe,
        "List the published tables with their rows and descriptions, and the SQL functions for costs; with the name of "
        "a table, its columns with types, units and descriptions.",
        describe,
    ),
    "query": Tool(
        Query,
        f"Run one read-only SELECT (DuckDB) over the published tables. Returns {DEFAULT_ROWS} rows unless limit says "
        f"otherwise, at most {MAX_ROWS:,}; rows_left_out is the number of the others. Decimals are exact and returned "
        "as text.",
        query,
    ),
    "price": Tool(
        Price,
        "Prices in USD of a model on a day, as listed and at each endpoint, with tiers and cache. With numbers of "
        "tokens, also cost_usd of that call, exact, at list prices before fees. A price that is absent is unknown, not "
        "free; cost_usd is null if the call needs one. Use this tool instead of computing a cost yourself.",
        price,
    ),
}


def parse_arguments(tool: str, given: Mapping[str, Any]) -> BaseModel:
    """The checked arguments of a tool. Raises SettingsError for an unknown tool or argument and for invalid values."""
    if tool not in TOOLS:
        raise SettingsError(f"There is no tool {tool!r}. The tools are {', '.join(TOOLS)}.")
    try:
        return TOOLS[tool].arguments.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(_problem(one) for one in error.errors(include_url=False))
        accepted = ", ".join(TOOLS[tool].arguments.model_fields)
        raise SettingsError(
            f"{tool} does not accept these arguments ({problems}). Nothing was run. It accepts {accepted}."
        ) from error


def _problem(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"])
    words = {"missing": "is missing", "extra_forbidden": "is unknown"}
    if error["type"] in words:
        return f"{name} {words[error['type']]}"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"


def answer(data: Path, tool: str, arguments: BaseModel) -> str:
    """The answer of a tool as a JSON text, from the release that is published now.

    Raises QueryError and SettingsError as the tool and `open_release` do.
    """
    with open_release(data) as release:
        # A statement that needs more memory fails; DuckDB would otherwise write files beside the release.
        release.connection.execute(
            f"set memory_limit = '{_DUCKDB_MEMORY}'; set temp_directory = ''; set threads = {_THREADS}"
        )
        text = json_text(TOOLS[tool].answer(release, arguments))
    if len(text) > 2 * MAX_ANSWER_CHARACTERS:  # rows are limited, names of columns are not
        raise QueryError(
            "The answer is too long. Nothing was changed. Select fewer columns, and give them short names."
        )
    return text


def error_text(error: RouterscopeError) -> str:
    """The message of an error, cut: a query can raise an error with a text of its own."""
    return visible_json(str(error)[:MAX_ERROR_CHARACTERS])


def json_text(document: Document) -> str:
    """A document as JSON for a language model: texts of third parties cannot hide characters in it."""
    return visible_json(json.dumps(_plain(document), ensure_ascii=False, allow_nan=False))


def _about(release: PublishedRelease, tables: Sequence[str]) -> Document:
    """What every answer begins with: release, age and source of the data, scope and citations of the tables read."""
    read = {name: release.tables[name] for name in tables if name in release.tables}
    return {
        "release": release.package["generation"],
        "source": release.package["made"]["source"],
        "is_simulated": release.package["is_simulated"],
        "clock": release.clock.isoformat(timespec="seconds"),
        "freshness": worst_state(measures(release.connection, release.clock), surfaces()),
        "as_of": {name: resource.get("as_of") for name, resource in read.items()},
        "about": release.about(tables),
    }


def _known(row: Mapping[str, Any]) -> Document:
    """A row of prices without the columns that are null, of which most rows have many; an unknown cost stays."""
    return {name: value for name, value in row.items() if value is not None or name.endswith("cost_usd")}


def _fitting(rows: Iterable[Sequence[Any]]) -> list[Any]:
    """As many of the first rows as an answer can have."""
    fitting, size = [], 0
    for row in rows:
        plain = _plain(row)
        text = json.dumps(plain, ensure_ascii=False)
        # The visible form may be longer; of a text that is too long already, it would take long to make.
        size += len(text) if len(text) > MAX_ANSWER_CHARACTERS else len(visible_json(text))
        if size > MAX_ANSWER_CHARACTERS:
            break
        fitting.append(plain)
    return fitting


def _plain(value: Any) -> Any:
    """A value as JSON has it: NaN and infinities are null, exact decimals and times are text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int) else str(value)
