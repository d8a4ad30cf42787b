"""Fixtures of the browser tests: Chromium, and Dagster's web server on loopback."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import PROJECT, environment
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "needs Debian's chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page with the requests it makes and the errors it logs."""

    def __init__(self, browser: Browser, url: str, **context: object) -> None:
        self.context = browser.new_context(**context)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.set_default_timeout(20_000)
        self.page.goto(url)


def screenshot(page: Page, name: str, *, whole: bool = False) -> None:
    # A reader may not write to the checkout.
    folder = (PROJECT / "target" if os.access(PROJECT, os.W_OK) else Path(tempfile.gettempdir())) / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=whole)


@contextmanager
def serving(home: Path, data: Path, log: Path) -> Iterator[str]:
    """Dagster's web server over an instance; yields its URL and ends the server afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            [str(Path(sys.executable).with_name("dagster-webserver")), "--host", "127.0.0.1", "--port", port],
            cwd=PROJECT,
            env=environment(home, ROUTERSCOPE_DATA_DIR=data),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(600):
                if server.poll() is not None:
                    pytest.fail(log.read_text(encoding="utf-8"))
                try:
                    urllib.request.urlopen(f"{url}/server_info", timeout=1)  # noqa: S310  # loopback
                    break
                except OSError:
                    time.sleep(0.2)
            else:
                pytest.fail(f"the web server does not respond: {log.read_text(encoding='utf-8')}")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)
