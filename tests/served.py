"""A server that a document starts, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from conftest import PROJECT


@contextmanager
def served(command: str, path: str, settings: dict[str, str], log: Path) -> Iterator[str]:
    """Start a documented server and wait until it responds; yields its address, and ends it as systemd would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("w", encoding="utf-8") as output:
        # With default signals, as in a shell: Dagster, imported in this process, may have ignored some of them.
        process = subprocess.Popen(
            ["env", "--default-signal", "bash", "-c", command.format(port=port)],
            cwd=PROJECT,
            env=settings,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            for _ in range(450):
                if process.poll() is not None:
                    pytest.fail(log.read_text(encoding="utf-8"))
                try:
                    httpx.get(f"{address}/{path}", timeout=1).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            else:
                pytest.fail(log.read_text(encoding="utf-8"))
            yield address
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
