"""Measures time and memory on this machine: `make bench`, and `make bench-long` for medians of five and larger sizes.

A run is compared with an empty job of one asset, one dbt model and one asset, run in the same minute with every default
of Dagster, because machines differ. Runs read the recorded responses beside the project if they are there, and the
simulated OpenRouter otherwise. Nothing here is a test, but a run that fails ends the program.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
from growth import SLICES, add_day, add_observations

from orchestration.transform import DBT_PROGRAM, DBT_PYTHON, WARN_ONLY
from orchestration.usage.build import MARTS
from orchestration.usage.formats import FORMATS
from orchestration.usage.simulated import write_logs

PROJECT = Path(__file__).resolve().parents[2]
RECORDINGS = PROJECT.parent / "shared" / "data" / "openrouter"
EMPTY_JOB = PROJECT / "tests" / "benchmarks" / "empty_job"
PROGRAMS = Path(sys.executable).parent
NOW = "2026-11-22T02:00:00Z"
SIMULATOR = {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_NOW": NOW}
SAMPLE = {"ROUTERSCOPE_SOURCE": "sample"}
REPLAY = {"ROUTERSCOPE_SOURCE": "replay", "ROUTERSCOPE_REPLAY_DIR": str(RECORDINGS)}
# Twice and four times the models and the days of observation that the simulator has by default.
SIZES = (
    {"models": 600, "observations": 90},
    {"models": 1200, "observations": 180},
    {"models": 2400, "observations": 360},
)
REPEATS = 5
# Years of each slice, and fetches of each year: about 1, 10 and 100 million observations.
GROWTH = ((5, 1), (10, 5), (10, 49))
SMALL_WORLD = SIMULATOR | {"ROUTERSCOPE_SIMULATOR": json.dumps({"models": 60, "days": 60, "observations": 0})}
# Years of each slice before the run with one more day.
YEARS_BEFORE = (1, 10)
# As in profiles.yml.
LIMITS = "set memory_limit = '3GB'; set preserve_insertion_order = false"
OWN_CALLS = 10_000_000


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROUTERSCOPE_", "OPENROUTER_"))}
    path = os.pathsep.join([str(PROGRAMS), kept["PATH"]])
    home = {"DAGSTER_HOME": str(folder / "home"), "ROUTERSCOPE_DATA_DIR": str(folder / "data")}
    return kept | {"PATH": path} | home | dict(settings)


def make_home(folder: Path) -> Path:
    (folder / "home").mkdir(parents=True)
    shutil.copy(PROJECT / "dagster_home" / "dagster.yaml", folder / "home")
    return folder


def report(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:46} {seconds:7.2f} s  {more}".rstrip(), flush=True)


def timed(do: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = do()
    return time.perf_counter() - started, result


def execute(command: list[str], where: Path, environ: Mapping[str, str]) -> tuple[float, str]:
    """Seconds and output of a command; a failure ends the program."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=where, env=environ, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started, done.stdout


class EmptyJob:
    """The empty job in a folder of its own; its project is parsed once, before anything is measured."""

    def __init__(self, folder: Path) -> None:
        self._project = Path(shutil.copytree(EMPTY_JOB, folder / "empty_job"))
        (self._project / "home").mkdir()
        (self._project / "home" / "dagster.yaml").touch()
        self._environ = environment(self._project, {"DAGSTER_HOME": str(self._project / "home")})
        execute(["dbt", "parse", "--profiles-dir", "."], self._project / "dbt", self._environ)

    def run(self) -> float:
        command = ["dagster", "job", "execute", "--python-file", "definitions.py", "--job", "empty"]
        return execute(command, self._project, self._environ)[0]


def run(folder: Path, settings: Mapping[str, str], *arguments: str, expected: str = "published: ") -> tuple[float, str]:
    """Seconds of a run, and what it says about its tables after `expected`."""
    command = [sys.executable, "-m", "orchestration.cli", "run", *arguments]
    seconds, output = execute(command, PROJECT, environment(folder, settings))
    found = [line.partition(expected)[2] for line in output.splitlines() if expected in line]
    if not found:
        sys.exit(f"{' '.join(command)} did not print {expected!r}:\n{output}")
    return seconds, found[0]


def runs(folder: Path, repeats: int) -> None:
    """The runs that people wait for, each as a median and against the empty job of the same minutes."""
    source, settings = ("recordings", REPLAY) if RECORDINGS.is_dir() else ("simulator", SIMULATOR)
    empty_job, place = EmptyJob(folder), folder / "run"

    def first_run() -> float:
        shutil.rmtree(place, ignore_errors=True)
        return run(make_home(place), settings)[0]

    measures: dict[str, Callable[[], float]] = {
        "the empty job": empty_job.run,
        f"first run, {source}": first_run,
        "run with --rebuild": lambda: run(place, settings, "--rebuild")[0],
        "run with nothing new": lambda: run(place, settings, expected="unchanged: ")[0],
    }
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            seconds[name].append(measure())
    empty = statistics.median(seconds["the empty job"])
    for name, found in seconds.items():
        median = statistics.median(found)
        spread = f", median of {repeats}, {min(found):.1f} to {max(found):.1f} s" if repeats > 1 else ""
        report(name, median, f"{median / empty:.2f} × the empty job{spread}")
    builds(place / "data", repeats)


def builds(data: Path, repeats: int) -> None:
    """dbt's part of a run against the same statements in DuckDB alone."""
    results = json.loads((data / "dbt" / "run_results.json").read_text(encoding="utf-8"))
    report("dbt, from its first node to its last", results["elapsed_time"], f"{len(results['results'])} nodes")
    bare = [bare_duckdb(data, results["results"]) for _ in range(repeats)]
    report("the same statements in bare DuckDB", statistics.median(bare))


def bare_duckdb(data: Path, results: list[dict[str, Any]]) -> float:
    """Seconds for the models and data tests of dbt's last build, in its order, in a copy of the warehouse."""
    nodes = json.loads((PROJECT / "target" / "pipeline" / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(data / "warehouse.duckdb", folder)
        with duckdb.connect(str(copy)) as connection:
            connection.execute(f"set TimeZone = 'UTC'; {LIMITS}")
            started = time.perf_counter()
            for result in results:
                node, sql = nodes.get(result["unique_id"], {}), result["compiled_code"]
                if node.get("resource_type") == "model":
                    kind = node["config"]["materialized"]
                    connection.execute(f"create or replace {kind} {node['schema']}.{node['name']} as {sql}")
                elif node.get("resource_type") == "test":
                    connection.execute(f"select count(*) from ({sql})")
            return time.perf_counter() - started


def publishing(folder: Path, settings: Mapping[str, str]) -> None:
    """The parts of publishing, and the report in a browser."""
    sys.path.insert(0, str(PROJECT))
    from orchestration.defs.published import prepare_completion
    from orchestration.publish.report import FOLDER, PAGE, write_report
    from orchestration.settings import Settings

    os.environ.update(environment(folder, settings))
    completion, published = prepare_completion(Settings.load()), (folder / "data" / "published").resolve()
    report("the audit", timed(lambda: completion.audit(published))[0])
    copy = folder / "report"
    copy.mkdir()
    shutil.copy(published / "routerscope.duckdb", copy)
    made = {"source": settings["ROUTERSCOPE_SOURCE"], "created": NOW}
    seconds, _ = timed(lambda: write_report(copy, completion.tables, made))
    size, pictures = (copy / FOLDER / PAGE).stat().st_size / 1e6, len(list((copy / FOLDER).glob("*.png")))
    report("the report", seconds, f"page {size:.2f} MB, {pictures} pictures")
    page(copy / FOLDER / PAGE)


def page(path: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        print("the page: chromium is not installed")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for what, viewport in (("on a desktop", (1200, 900)), ("on a phone", (390, 844))):
            tab = browser.new_page(viewport={"width": viewport[0], "height": viewport[1]})
            tab.context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": 4})
            tab.goto(path.as_uri())
            drawn = tab.evaluate(
                "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
            )
            first = tab.evaluate(
                "performance.getEntriesByType('paint').find(one => one.name.includes('contentful')).startTime"
            )
            report(f"the page {what}, a quarter of the CPU", drawn / 1000, f"drawn; first paint {first:.0f} ms")
        browser.close()


def commands(folder: Path, settings: Mapping[str, str]) -> None:
    """CPU seconds of the commands that read."""
    claim = duckdb.sql(f"select min(claim_id) from '{folder / 'data/published/claim.parquet'}'").fetchall()[0][0]
    for arguments in (["--help"], ["status"], ["query", "from model limit 5"], ["cite", claim]):
        command = [sys.executable, "-m", "orchestration.cli", *arguments]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=PROJECT, env=environment(folder, settings), capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        report(f"CPU of routerscope {arguments[0]}", seconds)


def sizes(folder: Path) -> None:
    """First runs of simulated worlds of several sizes, with the memory of the largest process so far."""
    for number, size in enumerate(SIZES):
        found = []
        for repeat in range(1 if number else REPEATS):
            place = make_home(folder / f"{size['models']}_models_{repeat}")
            seconds, tables = run(place, SIMULATOR | {"ROUTERSCOPE_SIMULATOR": json.dumps(size)})
            found.append(seconds)
            shutil.rmtree(place)
        peak = _peak_mb()
        name = f"simulator, {size['models']:,} models, {size['observations']} days of runs"
        report(name, statistics.median(found), f"median of {len(found)}, peak {peak:.0f} MB, {tables}")


def growth(folder: Path) -> None:
    """Builds of lakes with many observations of the rankings, beside bare DuckDB, with the memory of each build."""
    base = make_home(folder / "growth")
    run(base, SMALL_WORLD)
    for years, fetches in GROWTH:
        place = Path(shutil.copytree(base, folder / f"growth_{years}", symlinks=True))
        rows = add_observations(place / "data", 2026 - years, years, fetches)
        environ = environment(place, {"DBT_TARGET_PATH": str(place / "dbt")})
        command = [DBT_PYTHON, *DBT_PROGRAM, "build", *WARN_ONLY, "--exclude-resource-type", "unit_test"]
        seconds, _ = execute(command, PROJECT, environ)
        results = json.loads((place / "dbt" / "run_results.json").read_text(encoding="utf-8"))
        bare = bare_duckdb(place / "data", results["results"])
        report(f"dbt, {rows:,} observations, {len(SLICES)} slices", seconds, f"peak so far {_peak_mb():.0f} MB")
        dbt = results["elapsed_time"]
        report("… from its first node to its last", dbt, f"{dbt / bare:.2f} × bare DuckDB ({bare:.1f} s)")
        shutil.rmtree(place)


def one_more_day(folder: Path) -> None:
    """The run that publishes one more day of every slice, after one year and after ten years of days."""
    base = make_home(folder / "days")
    run(base, SAMPLE)
    for years in YEARS_BEFORE:
        place = Path(shutil.copytree(base, folder / f"days_{years}", symlinks=True))
        add_observations(place / "data", 2026 - years, years, 1)
        run(place, SAMPLE)
        add_day(place / "data", dt.date(2026, 1, 1))
        os.sync()  # on a schedule, the disk has long written what the run before produced
        seconds, tables = run(place, SAMPLE)
        results = json.loads((place / "data" / "dbt" / "run_results.json").read_text(encoding="utf-8"))
        report(f"run with one more day, after {years} years", seconds, f"dbt {results['elapsed_time']:.1f} s, {tables}")
        shutil.rmtree(place)


def own_calls(folder: Path) -> None:
    """Intake of a simulated log of own calls beside the same work in bare DuckDB, then pricing, rows and memory."""
    data = folder / "run" / "data"
    release = (data / "published").resolve() / "routerscope.duckdb"
    for name, file, read in (
        ("openrouter", "openrouter.csv", "read_csv({}, all_varchar = true)"),
        ("openrouter_parquet", "openrouter.parquet", "read_parquet({})"),
    ):
        log = write_logs(release, folder / name, OWN_CALLS, 1, [name]) / "logs" / file
        source = read.format(f"'{log}'")
        bare, _ = timed(lambda log=log, source=source: _bare_intake(log, source, folder / "bare.parquet"))
        command = [str(PROGRAMS / "routerscope"), "own"]
        before = environment(folder / "run", {})
        shutil.rmtree(data / "own", ignore_errors=True)
        seconds, _ = execute([*command, "add", str(log)], PROJECT, before)
        size = f"{OWN_CALLS:,} calls, {file}"
        report(f"own add, {size}", seconds, f"{seconds / bare:.1f} × bare DuckDB ({bare:.1f} s), {_peak_mb():.0f} MB")
        seconds, _ = execute([*command, "--json"], PROJECT, before)
        with duckdb.connect(str(data / "own" / "published" / "own.duckdb"), read_only=True) as connection:
            rows = {mart: len(connection.table(mart)) for mart in MARTS}
        counts = ", ".join(f"{mart} {number:,}" for mart, number in rows.items())
        report(f"own, {size}", seconds, f"{_peak_mb():.0f} MB; rows: {counts}")


def _bare_intake(log: Path, source: str, target: Path) -> None:
    """What an intake cannot do without: read the columns, hash the file, write Parquet."""
    with log.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    columns = ", ".join(FORMATS["openrouter"].columns)
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"copy (select {columns} from {source}) to '{target}' (format parquet, compression zstd)")


def _peak_mb() -> float:
    """Memory of the largest process that has ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure time and memory on this machine.")
    parser.add_argument("--long", action="store_true", help="medians of five runs, and larger simulated worlds")
    is_long = parser.parse_args().long
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = REPLAY if RECORDINGS.is_dir() else SIMULATOR
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} cores, load {load:.1f}")
        runs(folder, REPEATS if is_long else 1)
        commands(folder / "run", settings)
        publishing(folder / "run", settings)
        if is_long:
            own_calls(folder)
            sizes(folder)
            growth(folder)
            one_more_day(folder)


if __name__ == "__main__":
    main()
