"""The lineage as a person sees it: Dagster's own page in a real browser, on loopback."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PROJECT, Run, environment
from playwright.sync_api import Page, Route, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHAIN = ["openrouter/rankings", "raw/rankings", "staging/stg_openrouter__rankings", "intermediate/int_rankings__latest"]
CHAIN += ["intermediate/int_spans__members", "marts/share_model", "published"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def webserver(everything: Run, dagster_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Dagster's web server over the run on all recordings; ended with the tests."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("webserver") / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [str(Path(sys.executable).with_name("dagster-webserver")), "--host", "127.0.0.1", "--port", port],
            cwd=PROJECT,
            env=environment(dagster_home, ROUTERSCOPE_DATA_DIR=everything.data),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(120):
                if server.poll() is not None:
                    pytest.fail(log.read_text())
                try:
                    urllib.request.urlopen(f"{url}/server_info", timeout=1)  # noqa: S310  # loopback
                    break
                except OSError:
                    time.sleep(1)
            else:
                pytest.fail(f"the web server does not answer: {log.read_text()}")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def page(webserver: str) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "needs Debian's chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)

    def only_loopback(route: Route) -> None:
        route.continue_() if route.request.url.startswith(webserver) else route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(20_000)
        page.route("**/*", only_loopback)
        yield page
        browser.close()


def screenshot(page: Page, name: str) -> None:
    folder = PROJECT / "target" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def test_every_asset_is_in_the_catalog_of_the_lineage(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/asset-groups")
    for group in ("openrouter", "raw", "staging", "intermediate", "share", "growth", "price", "spend", "quality"):
        page.get_by_text(group, exact=True).first.wait_for()
    page.get_by_text("published", exact=True).first.wait_for()
    page.wait_for_timeout(1500)
    screenshot(page, "lineage")


def test_a_mart_shows_the_chain_from_the_endpoint_to_the_published_file(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/marts/share_model?view=lineage&lineageScope=neighbors&lineageDepth=6")
    for name in CHAIN:
        # Dagster shortens a long name in its middle.
        last = name.rpartition("/")[2]
        page.get_by_text(re.compile(f"^{last[:3]}.*{last[-5:]}$")).first.wait_for()
    page.wait_for_timeout(1500)
    screenshot(page, "share_model_lineage")


def test_a_column_shows_the_columns_it_is_made_of(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/marts/share_model")
    page.get_by_role("row").filter(has_text="columns_made_of").get_by_text("[Show Markdown]").click()
    page.get_by_text("total_tokens of intermediate/int_spans").first.wait_for()
    page.wait_for_timeout(500)
    screenshot(page, "share_column_lineage")


def test_a_mart_shows_its_columns_its_words_and_its_checks(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/marts/share_model")
    page.get_by_text("Share of tokens of each listed model, by day, week and month.").first.wait_for()
    page.get_by_text("share_of_named").first.wait_for()
    page.wait_for_timeout(1500)
    screenshot(page, "share_model")
    page.goto(f"{webserver}/assets/marts/share_model?view=checks")
    page.get_by_text("day_rows_carry_their_response").first.wait_for()
    screenshot(page, "share_model_checks")


def test_a_raw_surface_shows_what_was_taken_in(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/raw/rankings?view=events")
    page.get_by_text("newest_as_of").first.wait_for()
    page.get_by_text("days_covered").first.wait_for()
    page.wait_for_timeout(1000)
    screenshot(page, "raw_rankings")
