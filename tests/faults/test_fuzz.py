"""Whatever a body contains, its parser returns rows that the lake can store, or raises ResponseError.

A seeded sample of mutations runs in the suite; `make test-long` tries thousands for each surface.
"""

import datetime as dt
import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from orchestration.errors import ResponseError
from orchestration.folders import SAMPLE_DIR
from orchestration.ingest.load import provenance
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import KEY
from orchestration.openrouter.surfaces import (
    BENCHMARKS,
    ENDPOINTS,
    RANKINGS_EXPORT,
    SESSION_COST,
    SURFACES,
    TASKS,
    Response,
    Surface,
)
from orchestration.settings import Simulation
from orchestration.storage.lake import Lake

# Part of the message if a parser raised anything but ResponseError.
UNEXPECTED = "its parser failed on a value"
NOW = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
TARGETS = {
    TASKS.name: "/classifications/task?window=7d",
    SESSION_COST.name: "/datasets/session-cost?limit=500",
    BENCHMARKS.name: "/benchmarks",
}

# JSON texts that some layer (JSON, Decimal, datetime, Arrow, UTF-8, DuckDB) cannot hold or treats differently.
NASTY = [
    *("null", "true", "false", "0", "-0", "-0.0", "-1", "1.5", "NaN", "Infinity", "-Infinity", "[]", "{}", "[null]"),
    *("2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "1" + "0" * 18, "9" * 400, "9" * 5000),
    *("1e400", "-1e400", "1e-400", "1E+1000000", "1E-1000000", f"1E+1{'0' * 21}", f"1E-1{'0' * 21}"),
    *('"1E+1000000"', '"-1E+1000000"', f'"1E+1{"0" * 21}"', '"NaN"', '"sNaN"', '"-Infinity"', '"1_0"'),
    *(f'"0.{"0" * 30}1"', '"10"', '"１"', '" 1 "', f'"{"9" * 5000}"', '"0x10"', '"-5"', '"9223372036854775808"'),
    *(r'"\ud800"', r'"\udc00x"', r'"a\ud83d\ude00"', r'"\u0000"', r'"\u001b[2J\n"', r'"\ufeff"', '""', '" "'),
    *('"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"', '"0001-01-01"', '"9999-12-31"', '"2026-02-30"'),
    *('"other"', '"2026-W27-3"', '"2026-07-03T00:05:00"', '"now"', "-62135596801", "253402300800", "1e18", "-1e300"),
    *("[" * depth + "]" * depth for depth in (50, 700, 960, 5000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (50, 700, 960)),
    *('{"error":{"code":402,"message":"No credits"}}', '{"next":"/models?offset=1"}', f'"{"x" * 10_000}"'),
]  # fmt: skip
NAMES = [
    "error",
    "next",
    "next_cursor",
    "has_more",
    "total_count",
    "data",
    "meta",
    "links",
    "extra",
    "\ud800",
    "",
    "\0",
]
BYTES = [
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\\",
    b'"',
    b"\\ud800",
    b"E+1000000",
    b"9" * 400,
    b"\r",
    b",",
]


def locations(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every location in a JSON value: the object or array, and the name or position in it."""
    if isinstance(value, dict | list):
        for key, inside in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from locations(inside)


# Values that `json.dumps` cannot write are marks until `to_json` replaces them.
def mark(random: Random) -> str:
    return f"@nasty {random.randrange(len(NASTY))}@"


def to_json(value: Any) -> bytes:
    text = re.sub(r'"@nasty (\d+)@"', lambda found: NASTY[int(found[1])], json.dumps(value))
    return text.replace('"@twice @', '"').encode()


def mutate_structure(body: Any, random: Random) -> None:
    """Change the structure at one location of the body."""
    found = list(locations(body))
    if not found:
        return
    container, key = random.choice(found)
    value = container[key]
    kind = random.randrange(9)
    if kind <= 2:
        container[key] = mark(random)
    elif kind == 3:
        container.pop(key)
    elif kind == 4 and isinstance(container, list):
        container.insert(key, json.loads(json.dumps(value)))
    elif kind == 4:
        container[f"@twice @{key}"] = random.choice([value, mark(random)])
    elif kind == 5:
        container[key] = random.choice([[value], {"value": value}, [value, value]])
    elif kind == 6:
        container[key] = str(value) if not isinstance(value, str) else len(value)
    elif kind == 7 and isinstance(container, dict):
        container[random.choice(NAMES)] = random.choice([mark(random), value])
    else:
        other, other_key = random.choice(found)
        container[key] = json.loads(json.dumps(other[other_key]))


def mutate_bytes(payload: bytes, random: Random) -> bytes:
    """Change a few bytes."""
    at, kind = random.randrange(len(payload) + 1), random.randrange(6)
    if kind == 0:
        return payload[:at]
    if kind == 1:
        return payload[:at] + payload[at + random.randrange(1, 20) :]
    if kind == 2:
        return payload[:at] + bytes([random.randrange(256)]) + payload[at + 1 :]
    if kind == 3:
        return payload[:at] + random.choice(BYTES) + payload[at:]
    if kind == 4 and (digits := [found.start() for found in re.finditer(rb"\d", payload)]):
        at = random.choice(digits)
        return payload[:at] + random.choice(BYTES) + payload[at:]
    text = payload.decode(errors="replace")
    return text.encode(random.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"]), "replace")


def mutated(body: Any, random: Random) -> bytes:
    copy = json.loads(json.dumps(body))
    for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
        mutate_structure(copy, random)
    payload = to_json(copy)
    return mutate_bytes(payload, random) if random.random() < 0.25 else payload


def mutated_export(csv: bytes, manifest: Any, random: Random) -> tuple[bytes, bytes]:
    """A mutated snapshot, and its manifest, mutated or not."""
    lines = [line.split(b",") for line in csv.splitlines()]
    for _ in range(random.choice([0, 1, 1, 2])):
        line, kind = random.choice(lines), random.randrange(5)
        cell = random.randrange(len(line))
        if kind <= 1:
            line[cell] = random.choice(NASTY).strip('"').encode()
        elif kind == 2:
            line.insert(cell, line[cell])
        elif kind == 3:
            line[cell : cell + 1] = [] if len(line) > 1 else [b""]
        else:
            lines.append(list(line))
    payload = b"".join(b",".join(line) + b"\r\n" for line in lines)
    payload = mutate_bytes(payload, random) if random.random() < 0.25 else payload
    fitting = manifest | {"row_count": payload.count(b"\r\n") - 1}
    fitting["files"] = {"csv": {"bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}}
    return payload, mutated(fitting, random) if random.random() < 0.3 else json.dumps(fitting).encode()


def largest(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: -len(json.dumps(row)))[:3]


def recorded(surface: Surface, recordings: Path) -> Any:
    """The newest recorded body of a surface, reduced to a few rows."""
    body = json.loads(gzip.decompress(max((recordings / surface.recordings).glob("*.gz")).read_bytes()))
    if surface is ENDPOINTS:
        few = dict(sorted(body.items(), key=lambda item: -len(item[1]["data"]["endpoints"]))[-300:][:2])
        for response in few.values():
            response["data"]["endpoints"] = largest(response["data"]["endpoints"])
        return few | {"a/gone": {"error": {"code": 404, "message": "Not found"}}}
    body["data"] = largest(body["data"])
    return body | ({"total_count": len(body["data"])} if "total_count" in body else {})


def simulated(surface: Surface) -> Any:
    simulator = Simulator(Simulation(models=60, days=40), lambda: NOW, NOW.date())
    _, _, payload = simulator.handle("GET", f"/api/v1{TARGETS[surface.name]}", {"authorization": f"Bearer {KEY}"})
    body = json.loads(payload)
    if surface is TASKS:
        body["data"]["classifications"] = largest(body["data"]["classifications"])
        return body
    return body | {"data": largest(body["data"])}


def responses(surface: Surface, recordings: Path) -> Callable[[Random], Response]:
    """Returns a function that makes mutated responses of a surface."""
    if surface is RANKINGS_EXPORT:
        folder = recordings / "exports"
        csv = b"".join((folder / "rankings-daily.sample.csv").read_bytes().splitlines(keepends=True)[:4])
        manifest = json.loads((folder / "latest.manifest.rankings-daily.2026-10-08.json").read_text(encoding="utf-8"))

        def make_export(random: Random) -> Response:
            payload, mutated_manifest = mutated_export(csv, manifest, random)
            return Response("a mutation", payload, NOW, manifest=mutated_manifest)

        return make_export
    body = simulated(surface) if surface.name in TARGETS else recorded(surface, recordings)
    params = {"limit": str(surface.pages.limit)} if surface.pages else {}
    return lambda random: Response("a mutation", mutated(body, random), NOW, params)


def outcome(surface: Surface, response: Response, lake: Lake) -> str:
    """`parsed` or `refused`; fails if it is neither, or if the parsed rows cannot be stored without a change."""
    try:
        parsed = surface.parse(response)
    except ResponseError as error:
        parsed, message = None, str(error)
    else:
        message = "".join(parsed.problems)
    assert message.isprintable()
    assert UNEXPECTED not in message
    if parsed is None:
        return "refused"
    path = lake.write(surface.name, parsed.table, provenance(surface, response, parsed))
    if path is not None:  # None if the same body was stored before
        assert pq.ParquetFile(path).read().select(surface.schema.names).equals(parsed.table)
        path.unlink()
    for extra in filter(None, [parsed.envelope, *parsed.table.column("extra").to_pylist()]):
        json.loads(extra, parse_constant=pytest.fail)
    return "parsed"


@pytest.mark.parametrize("mutations", [80, pytest.param(5000, marks=pytest.mark.long)])
@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_any_body_is_stored_or_refused(
    surface: Surface,
    mutations: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    is_in_sample = (SAMPLE_DIR / surface.recordings).is_dir() or surface.name in TARGETS
    recordings: Path = request.getfixturevalue("recordings" if is_in_sample else "all_recordings")
    random, make, outcomes = Random(surface.name), responses(surface, recordings), Counter[str]()
    for number in range(mutations):
        response = make(random)
        try:
            outcomes[outcome(surface, response, Lake(tmp_path))] += 1
        except Exception as error:
            error.add_note(f"mutation {number}: {response.manifest!r} {response.payload[:3000]!r}")
            raise
    record_property(surface.name, dict(outcomes))
    assert min(outcomes["parsed"], outcomes["refused"]) > outcomes.total() / 10, outcomes
