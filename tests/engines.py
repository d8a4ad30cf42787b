"""Many own calls priced with DuckDB and with Spark: seconds and memory of both, and whether the marts are the same.

    python tests/engines.py <folder> [--calls 100000000]

The calls are simulated, from the prices of a simulated release. A folder that has a release and stored calls is used as
it is. Exits with 1 if a mart differs. Not part of `make test`: it takes twenty minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from orchestration.storage.sql import literal
from orchestration.usage.build import MARTS, own_file
from orchestration.usage.simulated import write_logs

PROJECT = Path(__file__).resolve().parent.parent
WORLD = '{"models": 100, "days": 80, "observations": 8}'
ENGINES = ("duckdb", "spark")
SECONDS_BETWEEN_SAMPLES = 0.5


def execute(data: Path, *arguments: str, **settings: str) -> tuple[float, int]:
    """Run the command line; returns its seconds, and the largest memory of all its processes together in bytes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTERSCOPE_")}
    world = {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_SIMULATOR": WORLD}
    environment = kept | world | {"ROUTERSCOPE_DATA_DIR": str(data)} | settings
    started, peak = time.monotonic(), 0
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *arguments], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(SECONDS_BETWEEN_SAMPLES)
    if process.returncode:
        sys.exit(f"routerscope {' '.join(arguments)} exited with code {process.returncode}.")
    return time.monotonic() - started, peak


def _memory(pid: int) -> int:
    """Memory of a process and of those that it started, with pages that they share counted once; Linux only."""
    process = Path(f"/proc/{pid}")
    try:
        [size] = re.findall(r"^Pss: +(\d+) kB", (process / "smaps_rollup").read_text(encoding="ascii"), re.MULTILINE)
        children = [int(one) for task in process.glob("task/*/children") for one in task.read_text("ascii").split()]
    except (OSError, ValueError):  # it has ended
        return 0
    return 1024 * int(size) + sum(map(_memory, children))


def differing(one: Path, other: Path) -> dict[str, int]:
    """Mart → the number of rows that only one of two files has, where there are any. No mart may be empty."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(one)} as one (read_only); attach {literal(other)} as other (read_only)")
        for mart in MARTS:
            assert connection.execute(f"select count(*) > 0 from one.{mart}").fetchall() == [(True,)], mart
            [(rows,)] = connection.execute(
                f"select count(*) from ((from one.{mart} except all from other.{mart}) "
                f"union all (from other.{mart} except all from one.{mart}))"
            ).fetchall()
            if rows:
                found[mart] = rows
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", type=int, default=100_000_000)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    data = folder / "data"
    if not (data / "published").exists():
        print(f"a release: {execute(data, 'run')[0]:.0f} s", flush=True)
    if not (data / "own" / "raw").exists():
        started = time.monotonic()
        release = (data / "published").resolve() / "routerscope.duckdb"
        log = write_logs(release, folder / "logs", arguments.calls, 1, ["openrouter_parquet"]) / "logs"
        print(f"{arguments.calls:,} calls drawn: {time.monotonic() - started:.0f} s", flush=True)
        seconds, peak = execute(data, "own", "add", str(log / "openrouter.parquet"))
        print(f"own add: {seconds:.0f} s, {peak / 1e9:.1f} GB", flush=True)
    for engine in ENGINES:
        seconds, peak = execute(data, "own", ROUTERSCOPE_ENGINE=engine)
        print(f"own with {engine}: {seconds:.0f} s, {peak / 1e9:.1f} GB", flush=True)
        own_file(data).replace(folder / f"{engine}.duckdb")
    differences = differing(*(folder / f"{engine}.duckdb" for engine in ENGINES))
    print("\n".join(f"{mart}: {rows} rows differ" for mart, rows in differences.items()) or "the marts are the same")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
