"""A Postgres server for tests: Debian's `postgresql` on loopback.

    with postgres.server() as url: ...     postgresql://routerscope@127.0.0.1:<port>/routerscope
    postgres.variables(url)                what deploy/dagster.yaml reads

A crash of the machine loses its data (`fsync=off`), as no test restores it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

# The server trusts everyone on loopback. Tests assert that no log contains this.
PASSWORD = "s3cret/of@no-one"  # noqa: S105
_START_SECONDS = 60


def binary(name: str) -> Path:
    """A program of the newest installed version. Skips the test without one, and fails it in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not found:
        problem = f"{name} is not installed (Debian: apt-get install postgresql)"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)
    return found[-1]


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A server with an empty database, stopped and deleted at the end; yields its URL."""
    control = binary("pg_ctl")
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:  # Postgres refuses to run as root
            shutil.chown(folder, "postgres")
        cluster = Path(folder) / "cluster"
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = str(unused.getsockname()[1])
        _run(binary("initdb"), "--pgdata", cluster, "--username=routerscope", "--auth=trust", "--no-sync")
        options = ("--log", f"{folder}/log", "-o", f"-h 127.0.0.1 -p {port} -k '' -F")
        _run(control, "--pgdata", cluster, "--timeout", str(_START_SECONDS), *options, "--wait", "start")
        try:
            _run(binary("createdb"), "-h", "127.0.0.1", "-p", port, "-U", "routerscope", "routerscope")
            yield f"postgresql://routerscope@127.0.0.1:{port}/routerscope"
        finally:
            _run(control, "--pgdata", cluster, "--mode=immediate", "stop")


def variables(url: str) -> dict[str, str]:
    """The variables of the environment that deploy/dagster.yaml reads, for a server."""
    server = urlsplit(url)
    return {
        "POSTGRES_HOST": str(server.hostname),
        "POSTGRES_PORT": str(server.port),
        "POSTGRES_USER": str(server.username),
        "POSTGRES_DB": server.path.strip("/"),
        "POSTGRES_PASSWORD": PASSWORD,
    }


def _run(*command: str | Path) -> None:
    subprocess.run(
        [*map(str, command)],
        user="postgres" if os.geteuid() == 0 else None,
        cwd="/",
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=2 * _START_SECONDS,
    )
