"""Routerscope and dlt side by side: the same faults in a load of the same simulated API, on this machine.

    python tests/benchmarks/dlt_side_by_side/compare.py <folder> --dlt <python with dlt[duckdb]> [--only kill …]

Each trial begins with a copy of a folder that holds the load of one day. Then the next day is loaded under a fault, and
loaded again without it. A reader looks after both: the state is *torn* if tables or rows of both days are mixed; a row
is *lost* if it was there before, *doubled* if its key appears too often, and *wrong* if neither day has it. Prints one
JSON object per trial, and the sums at the end. It takes about an hour and is not part of `make test`.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import RawResponse
from orchestration.openrouter.simulator.server import serve
from orchestration.settings import Faults, Simulation

PROJECT = Path(__file__).resolve().parents[3]
ONE = dt.timedelta(days=1)
# After so many days, every table but the providers has changed.
DAYS_BETWEEN = 7
MANIFEST = ".manifest.json"
KILLS = 10
MAX_SECONDS = 400
DISK_BYTES = 160 * 1024**2
# Free space on the disk while the second day is loaded.
FREE_KILOBYTES = (256, 1024)

# Table → rows. The same facts of both systems.
Facts = dict[str, list[tuple[Any, ...]]]
FACTS_OF_ROUTERSCOPE = {
    "rankings": "select period_start::varchar, model_permaslug, tokens::hugeint::varchar from {}.share_model "
    "where period = 'day'",
    "models": "select model_id, round(prompt_usd_per_mtok, 6)::varchar, name from {}.price_current",
    "endpoints": "select model_id, provider_name, tag, round(prompt_usd_per_mtok, 6)::varchar "
    "from {}.price_endpoint where is_listed",
    "providers": "select provider_slug, provider_name from {}.provider where is_listed",
}
FACTS_OF_DLT = {
    "rankings": "select date::varchar, model_permaslug, total_tokens::hugeint::varchar from openrouter.rankings",
    "models": "select id, pricing->>'prompt', name from openrouter.models where _dlt_valid_to is null",
    "endpoints": "select model_id, provider_name, tag, pricing->>'prompt' from openrouter.endpoints",
    "providers": "select slug, name from openrouter.providers",
}
KEYS = {"rankings": 2, "models": 1, "endpoints": 3, "providers": 1}


class Server:
    """The simulated API on loopback, with its clock, a fault of its own, and faults that the simulator lacks."""

    def __init__(self) -> None:
        self.offset = dt.timedelta()
        self.change: Callable[[str, Any], None] | None = None
        self._faults = Faults()
        self._handle = self._simulate()

    def _simulate(self) -> Callable[..., RawResponse]:
        settings = Simulation(models=60, days=45, observations=8, faults=self._faults)
        last_day = dt.datetime.now(dt.UTC).date() + 30 * ONE
        return Simulator(settings, lambda: dt.datetime.now(dt.UTC) + self.offset, last_day, time.sleep).handle

    def set(self, faults: Faults | None = None, change: Callable[[str, Any], None] | None = None) -> None:
        self._faults, self.change = faults or Faults(), change
        self._handle = self._simulate()

    def handle(self, method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        status, more, body = self._handle(method, target, headers)
        if self.change is None or status != 200 or target.endswith("index.json"):
            return status, more, body
        if not target.endswith(MANIFEST):
            return status, more, changed(target, body, self.change)
        manifest = json.loads(body)  # describes the changed files
        for kind, described in manifest["files"].items():
            file = target.removesuffix(MANIFEST) + f".{kind}"
            content = changed(file, self._handle(method, file, headers)[2], self.change)
            described |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            if kind == "csv":
                manifest["row_count"] = len(content.splitlines()) - 1
        return status, more, json.dumps(manifest).encode()


def changed(target: str, body: bytes, change: Callable[[str, Any], None]) -> bytes:
    """The body with the rows changed, whether it is JSON or the CSV of the rankings."""
    if target.endswith(".csv"):
        header, *lines = body.decode().splitlines()
        rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
        change("rankings", rows)
        return "\r\n".join([header, *(",".join(map(str, row.values())) for row in rows), ""]).encode()
    parsed = json.loads(body)
    if target.endswith(".json"):
        change("rankings", parsed)
    elif "/endpoints" in target:
        change("endpoints", parsed["data"]["endpoints"])
    else:
        change("models" if "/models" in target else "providers", parsed["data"])
    return json.dumps(parsed).encode()


def double_rows(table: str, rows: list[Any]) -> None:
    if table != "endpoints":  # which have no key
        rows += [dict(row) for row in rows[:5]]


def drift_tokens(table: str, rows: list[Any]) -> None:
    """Every second row of the rankings has its tokens as text with a unit."""
    if table == "rankings":
        for row in rows[::2]:
            row["total_tokens"] = f"{row['total_tokens']} tokens"


def drift_names(table: str, rows: list[Any]) -> None:
    if table == "models":
        for row in rows:
            row["name"] = {"text": row["name"]}


@dataclass
class System:
    """One of the two: how a load starts, and what a reader of its result finds."""

    name: str
    command: list[str]
    environment: dict[str, str]
    seconds: float = 0.0
    after: dict[str, Facts] = field(default_factory=dict)

    def start(self, folder: Path, log: Path) -> subprocess.Popen[bytes]:
        environment = self.environment | {"ROUTERSCOPE_DATA_DIR": str(folder), "DLT_DATA_DIR": str(folder / "dlt")}
        return subprocess.Popen(
            [part.format(folder=folder) for part in self.command],
            cwd=PROJECT,
            env=environment,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def load(self, folder: Path, log: Path) -> int:
        process = self.start(folder, log)
        try:
            return process.wait(MAX_SECONDS)
        finally:
            end(process)

    def read(self, folder: Path) -> Facts:
        """What a reader finds, who opens the result by its path."""
        if self.name == "routerscope":
            file, schema, queries = folder / "published" / "routerscope.duckdb", "main", FACTS_OF_ROUTERSCOPE
        else:
            file, schema, queries = folder / "warehouse.duckdb", "openrouter", FACTS_OF_DLT
        with duckdb.connect(str(file), read_only=True) as connection:
            return {
                table: sorted(connection.sql(sql.format(schema)).fetchall(), key=str) for table, sql in queries.items()
            }


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a load with everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def judge(system: System, folder: Path, before: Facts, expected: Facts) -> dict[str, Any]:
    """What a reader finds, compared with the state before the load and the state after an undisturbed one."""
    try:
        found = system.read(folder)
    except Exception as error:  # a reader who gets nothing is a result
        return {"unreadable": str(error).splitlines()[0][:160]}
    if found in (before, expected):
        state = "before" if found == before else "after"
    else:
        state = "torn" if has_rows_of(found, before, expected) and has_rows_of(found, expected, before) else "other"
    return {
        "state": state,
        "doubled": sum((keys(found, table) - (keys(expected, table) | keys(before, table))).total() for table in found),
        "lost": sum((keys(before, table) - keys(found, table)).total() for table in found),
        "wrong": sum(len(set(found[table]) - {*expected[table], *before[table]}) for table in found),
        "not_loaded": sum((rows_of(expected, table) - rows_of(found, table)).total() for table in found),
    }


def has_rows_of(found: Facts, day: Facts, other: Facts) -> bool:
    """Whether a reader sees that day instead of the other: rows that only that day has, or keys that it lacks."""
    return any(
        (rows_of(day, table) - rows_of(other, table)) & rows_of(found, table)
        or keys(other, table).keys() - keys(day, table).keys() - keys(found, table).keys()
        for table in found
    )


def rows_of(facts: Facts, table: str) -> collections.Counter[tuple[Any, ...]]:
    return collections.Counter(facts[table])


def keys(facts: Facts, table: str) -> collections.Counter[tuple[Any, ...]]:
    """How often each key of a table occurs; new keys are not doubled ones."""
    return collections.Counter(row[: KEYS[table]] for row in facts[table])


@contextlib.contextmanager
def small_disk(folder: Path, start: Path, free_kilobytes: int) -> Iterator[Path]:
    """A copy of a folder on a disk with little free space; mounting one needs root."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        data = Path(shutil.copytree(start, folder / "data", symlinks=True))
        with (folder / "ballast").open("wb") as ballast:
            for _ in range((shutil.disk_usage(folder).free - 1024 * free_kilobytes) // 65536):
                ballast.write(bytes(65536))
        yield data
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Campaign:
    """The trials of both systems in one folder."""

    def __init__(self, folder: Path, server: Server, clock: Path) -> None:
        self.folder, self.server, self.clock = folder, server, clock
        self.results: list[dict[str, Any]] = []

    def set_day(self, day: int) -> None:
        self.server.offset = day * ONE
        self.clock.write_text(str(day * 86400), encoding="utf-8")

    def prepare(self, system: System) -> None:
        """The first day, and for the expected state an undisturbed load of the second one."""
        first, second = self.folder / system.name / "first", self.folder / system.name / "second"
        first.mkdir(parents=True)
        self.server.set()
        self.set_day(0)
        assert system.load(first, first.with_suffix(".log")) == 0, first.with_suffix(".log").read_text(encoding="utf-8")
        shutil.copytree(first, second, symlinks=True)
        self.set_day(DAYS_BETWEEN)
        started = time.monotonic()
        assert system.load(second, second.with_suffix(".log")) == 0, second.with_suffix(".log").read_text(
            encoding="utf-8"
        )
        system.seconds = time.monotonic() - started
        system.after = {"first": system.read(first), "second": system.read(second)}
        rows = {table: len(found) for table, found in system.after["second"].items()}
        changed = {name: system.after["first"][name] != found for name, found in system.after["second"].items()}
        print(
            json.dumps({"system": system.name, "seconds": round(system.seconds, 1), "rows": rows, "changed": changed}),
            flush=True,
        )

    def trial(
        self,
        system: System,
        fault: str,
        number: int,
        load: Callable[[Path, Path], Any],
        data: Path | None = None,
        clear: Callable[[], None] | None = None,
    ) -> None:
        folder = data or self.folder / system.name / f"{fault}-{number}"
        log = self.folder / system.name / f"{fault}-{number}"
        if data is None:
            shutil.copytree(self.folder / system.name / "first", folder, symlinks=True)
        started = time.monotonic()
        code = load(folder, log.with_suffix(".log"))
        seconds = time.monotonic() - started
        states = system.after["first"], system.after["second"]
        after_fault = judge(system, folder, *states)
        self.server.set()
        if clear:
            clear()
        started = time.monotonic()
        codes = [system.load(folder, log.with_suffix(".recovery.log"))]
        if codes == [0]:  # on a machine whose load changes, the last load says best how long the next one takes
            system.seconds = time.monotonic() - started
        recovered = judge(system, folder, *states)
        if recovered.get("not_loaded") or recovered.get("doubled") or "unreadable" in recovered:
            codes.append(system.load(folder, log.with_suffix(".recovery2.log")))
            recovered["after_another_load"] = judge(system, folder, *states)
        if data is None:
            shutil.rmtree(folder)
        result = {
            "system": system.name,
            "fault": fault,
            "number": number,
            "exit": code,
            "seconds": round(seconds, 1),
            "reader": after_fault,
            "recovery_exits": codes,
            "recovered": recovered,
        }
        self.results.append(result)
        print(json.dumps(result), flush=True)

    def kill(self, system: System) -> None:
        """Kills at even intervals over the time of an undisturbed load."""
        for number in range(KILLS):
            fraction = (number + 0.5) / KILLS

            def load(folder: Path, log: Path, fraction: float = fraction) -> str:
                process, at = system.start(folder, log), fraction * system.seconds
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return f"ended with {process.wait(at)}"
                end(process)
                return f"killed at {at:.1f} s"

            self.trial(system, "kill", number, load)

    def cut(self, system: System) -> None:
        for number, share in enumerate((0.3, 1.0)):
            self.server.set(Faults(cut=share))
            self.trial(system, "cut", number, system.load)

    def drift(self, system: System) -> None:
        for number, change in enumerate((drift_names, drift_tokens)):
            self.server.set(change=change)
            self.trial(system, "drift", number, system.load)

    def double(self, system: System) -> None:
        self.server.set(change=double_rows)
        self.trial(system, "double", 0, system.load)

    def full_disk(self, system: System) -> None:
        first = self.folder / system.name / "first"
        for number, free in enumerate(FREE_KILOBYTES):
            folder = self.folder / system.name / f"disk-{number}"
            with small_disk(folder, first, free) as data:
                ballast = folder / "ballast"
                self.trial(system, "full_disk", number, system.load, data, ballast.unlink)


FAULTS = {
    "kill": Campaign.kill,
    "cut": Campaign.cut,
    "drift": Campaign.drift,
    "double": Campaign.double,
    "full_disk": Campaign.full_disk,
}


def summary(results: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each system and fault: in how many trials a reader was hit, by how many rows, and the recovery."""
    yield f"{'system':12}{'fault':11}{'trials':>7}{'torn':>6}{'lost':>6}{'doubled':>9}{'wrong':>7}{'recovered':>11}"
    for system, fault in dict.fromkeys((one["system"], one["fault"]) for one in results):
        trials = [one for one in results if (one["system"], one["fault"]) == (system, fault)]
        readers = [one["reader"] for one in trials]
        torn = sum(one.get("state") == "torn" or "unreadable" in one for one in readers)
        lost, doubled, wrong = (sum(one.get(name, 0) for one in readers) for name in ("lost", "doubled", "wrong"))
        recovered = sum(one["recovered"].get("state") == "after" for one in trials)
        yield f"{system:12}{fault:11}{len(trials):>7}{torn:>6}{lost:>6}{doubled:>9}{wrong:>7}{recovered:>11}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dlt", required=True, help="Python with dlt[duckdb]")
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--system", choices=("routerscope", "dlt"))
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    clock = folder / "clock"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ROUTERSCOPE_", "OPENROUTER_", "DAGSTER", "PYTHONPATH"))
    }
    server = Server()
    with serve(server, 0) as url:  # type: ignore[arg-type]  # only `handle` is used
        moved = os.pathsep.join([str(PROJECT / "tests" / "moved_clock"), str(PROJECT)])
        live = {
            "ROUTERSCOPE_SOURCE": "live",
            "ROUTERSCOPE_BASE_URL": url,
            "PYTHONPATH": moved,
            "TEST_CLOCK": str(clock),
        }
        systems = [
            System(
                "dlt",
                [arguments.dlt, str(Path(__file__).with_name("pipeline.py")), "{folder}", url],
                kept | {"RUNTIME__DLTHUB_TELEMETRY": "false"},
            ),
            System("routerscope", [sys.executable, "-m", "orchestration.cli", "run"], kept | live),
        ]
        campaign = Campaign(folder, server, clock)
        for system in systems:
            if arguments.system in (None, system.name):
                campaign.prepare(system)
                for name in arguments.only:
                    FAULTS[name](campaign, system)
    print(*summary(campaign.results), sep="\n")


if __name__ == "__main__":
    main()
