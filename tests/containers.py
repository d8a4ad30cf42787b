"""The services of deploy/compose.yaml as local processes, with the commands, checks and environment that it states.

Paths of the image are those of this project, hosts are loopback, and ports are free ones. A process gets no other
variables than its container would.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import postgres
import yaml
from conftest import PROJECT

DEPLOY = PROJECT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
# In the image.
PROJECT_IN_IMAGE, DATA_IN_IMAGE = "/routerscope", "/data"
MAX_START_SECONDS = 120
_VARIABLE = re.compile(r"\$\{(\w+):([?-])(.*)\}")


def from_dockerfile(instruction: str) -> list[str]:
    """The words of the CMD or of the HEALTHCHECK of the image."""
    line = DOCKERFILE.partition(f"\n{instruction} ")[2].partition("\n")[0]
    return list(json.loads(line[line.index("[") :]))


class Containers:
    """The services, with their logs in `<folder>/<service>.log`; `settings` are the lines of `.env`."""

    def __init__(self, folder: Path, data: Path, url: str, settings: Mapping[str, str]) -> None:
        self._folder, self._data = folder, data
        self._database = postgres.variables(url)
        self._settings = {**settings, "POSTGRES_PASSWORD": postgres.PASSWORD}
        self._ports = {"4000": str(free_port()), "3000": str(free_port())}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.home = folder / "deploy"
        self.home.mkdir()
        for name in ("dagster.yaml", "workspace.yaml"):
            text = (DEPLOY / name).read_text(encoding="utf-8")
            text = text.replace("host: code", "host: 127.0.0.1").replace("4000", self._ports["4000"])
            (self.home / name).write_text(text, encoding="utf-8")

    @property
    def address(self) -> str:
        """Where the webserver listens."""
        return f"http://127.0.0.1:{self._ports['3000']}"

    def environment(self, service: str, **clock: str) -> dict[str, str]:
        """What a process of the service sees."""
        stated = COMPOSE["services"][service]
        found = {name: self._mapped(self._filled(value)) for name, value in stated["environment"].items()}
        if stated.get("env_file") == ".env":
            found = self._settings | found
        path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
        own = {"PATH": path, "HOME": str(self._folder), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        modules = [*([str(PROJECT / "tests" / "moved_clock")] if clock else []), str(PROJECT)]
        own |= {"PYTHONPATH": os.pathsep.join(modules), "ROUTERSCOPE_DATA_DIR": str(self._data)}
        return own | found | self._database | clock

    def start(self, service: str, **clock: str) -> None:
        """Start a service and wait until its health check succeeds."""
        stated = COMPOSE["services"][service]
        words = stated.get("command") or from_dockerfile("CMD")
        environment = self.environment(service, **clock)
        log = self._folder / f"{service}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [self._mapped(word) for word in words],
                cwd=PROJECT,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running[service] = process
        deadline = time.monotonic() + MAX_START_SECONDS
        while not self.is_healthy(service, **clock):
            ended = process.poll()
            assert ended is None, f"{service} exited with code {ended}:\n{log.read_text(encoding='utf-8')}"
            assert time.monotonic() < deadline, f"{service} is not healthy:\n{log.read_text(encoding='utf-8')}"
            time.sleep(5)  # a check takes a second or two of a core

    def is_healthy(self, service: str, **clock: str) -> bool:
        """Whether the health check of the service succeeds now."""
        test = COMPOSE["services"][service].get("healthcheck", {}).get("test") or from_dockerfile("HEALTHCHECK")
        command = [self._mapped(word) for word in test if word != "CMD"]
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=self.environment(service, **clock),
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode == 0

    def kill(self, service: str) -> None:
        """Kill a service with all its processes, as the loss of its container does."""
        process = self._running.pop(service)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def close(self) -> None:
        for service in list(self._running):
            self.kill(service)

    def logs(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self._folder.glob("*.log"))

    def _filled(self, value: str) -> str:
        """The value of a variable with those of `.env` in it."""
        found = _VARIABLE.fullmatch(value)
        if not found:
            return value
        name, kind, other = found.groups()
        return self._settings.get(name) or (other if kind == "-" else "")

    def _mapped(self, word: str) -> str:
        if word == DATA_IN_IMAGE:
            return str(self._data)
        if word.startswith(f"{PROJECT_IN_IMAGE}/deploy"):
            return word.replace(f"{PROJECT_IN_IMAGE}/deploy", str(self.home))
        word = word.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for port, free in self._ports.items():
            word = free if word == port else word.replace(f":{port}/", f":{free}/")
        return word


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
