"""Measures time and memory on this machine: `make bench`.

In a temporary folder: a first and a second run of the simulated world (as `make run` does), the parts of publishing,
and the report in a browser. Nothing here is a test.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
NOW = "2026-11-22T02:00:00Z"


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROUTERSCOPE_", "OPENROUTER_"))}
    return kept | {
        "DAGSTER_HOME": str(folder / "home"),
        "ROUTERSCOPE_SOURCE": "simulator",
        "ROUTERSCOPE_NOW": NOW,
        "ROUTERSCOPE_DATA_DIR": str(folder / "data"),
    }


def report(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:42} {seconds:7.2f} s  {more}", flush=True)


def timed(what: str, do: Callable[[], Any], more: Callable[[Any], str] = lambda _: "") -> Any:
    started = time.perf_counter()
    result = do()
    report(what, time.perf_counter() - started, more(result))
    return result


def run(folder: Path, what: str) -> None:
    command = [sys.executable, "-m", "orchestration.cli", "run"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT, env=environment(folder), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout)
    # Of the largest process so far: the run or dbt.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    [tables] = [line.split("published: ")[1] for line in done.stdout.splitlines() if "published: " in line]
    report(what, time.perf_counter() - started, f"peak {peak:.0f} MB, {tables}")


def publishing(folder: Path) -> None:
    os.environ.update(environment(folder))
    sys.path.insert(0, str(PROJECT))
    from orchestration.defs.published import prepare_completion
    from orchestration.publish.report import FOLDER, PAGE, write_report
    from orchestration.settings import Settings

    completion, published = prepare_completion(Settings.load()), (folder / "data" / "published").resolve()
    timed("the audit", lambda: completion.audit(published))
    copy = folder / "report"
    copy.mkdir()
    shutil.copy(published / "routerscope.duckdb", copy)
    made = {"source": "simulator", "created": NOW}
    timed(
        "the report",
        lambda: write_report(copy, completion.tables, made),
        lambda _: (
            f"page {(copy / FOLDER / PAGE).stat().st_size / 1e6:.2f} MB, "
            f"{len(list((copy / FOLDER).glob('*.png')))} pictures"
        ),
    )
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
            tab.goto(path.as_uri())
            first = tab.evaluate(
                "performance.getEntriesByType('paint').find(one => one.name.includes('contentful')).startTime"
            )
            interactive = tab.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
            drawn = tab.evaluate("routerscope.ready.then(() => performance.now())")
            report(
                f"the page {what}: all charts drawn",
                drawn / 1000,
                f"first paint {first:.0f} ms, interactive {interactive:.0f} ms",
            )
        browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        shutil.copy(PROJECT / "dagster_home" / "dagster.yaml", folder / "home")
        run(folder, "a first run")
        run(folder, "a second run, nothing new")
        publishing(folder)


if __name__ == "__main__":
    main()
