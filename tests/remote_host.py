"""A host of tests that shares a lake through object storage: it observes, publishes and pushes as a run does."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from orchestration.folders import CLAIM_HISTORY
from orchestration.storage.lake import LAKE_FOLDER, Kind, Lake, Provenance
from orchestration.storage.releases import Releases
from orchestration.storage.remote import Remote

START = dt.datetime(2026, 7, 3, 0, 5, tzinfo=dt.UTC)
SOURCE = Provenance(
    as_of=START,
    fetched_at=START,
    request_url="https://openrouter.ai/api/v1/datasets/rankings-daily",
    source_url="https://openrouter.ai/rankings",
    citation="Source: OpenRouter",
    licence="CC BY 4.0",
    payload_sha256="",
    schema_version=1,
)


@dataclass
class Host:
    """`run` does what a run does with object storage; `log` keeps its lines."""

    address: str
    data: Path
    log: list[str] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        return Lake(self.data / LAKE_FOLDER)

    @property
    def releases(self) -> Releases:
        return Releases(self.data)

    @property
    def published(self) -> str:
        return self.releases.current.name

    def remote(self) -> Remote:
        return Remote(self.address, self.data, self.log.append)

    def observe(self, number: int, kind: Kind = "real") -> Path | None:
        """A raw file that differs from those of other numbers."""
        moment = START + dt.timedelta(minutes=number)
        provenance = replace(SOURCE, as_of=moment, fetched_at=moment, payload_sha256=f"{number:064d}", kind=kind)
        return self.lake.write("rankings", pa.table({"tokens": [number]}), provenance)

    def publish(self, name: str = "") -> str:
        """A release that states which raw files it was built from, and its part of the claim history."""
        name = name or dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        files = {
            "routerscope.duckdb": "\n".join(path.name for path in self.lake.files("*")),
            "report/index.html": f"<p>{name}</p>",
        }

        def write(folder: Path) -> None:
            for path, text in files.items():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")

        self.releases.adopt(name, {path: len(text) for path, text in files.items()}, write)
        (self.data / CLAIM_HISTORY).mkdir(exist_ok=True)
        (self.data / CLAIM_HISTORY / f"{name}.parquet").write_text(f"claims of {name}", encoding="utf-8")
        return name

    def run(self, number: int | None = None, name: str = "") -> str:
        """A whole run that observes a response; without a number, none. Returns the release that is published."""
        remote = self.remote()
        remote.pull("real")
        remote.push_raw()
        is_new = number is not None and self.observe(number) is not None
        remote.push_raw()
        if is_new or name or not self.releases.published.exists() or not self._is_built_from_lake():
            self.publish(name)
        remote.push_release()
        return self.published

    def _is_built_from_lake(self) -> bool:
        return self.contents() == [path.name for path in self.lake.files("*")]

    def contents(self) -> list[str]:
        """The names of the raw files that the published release was built from."""
        return (self.releases.published / "routerscope.duckdb").read_text(encoding="utf-8").splitlines()

    def state(self) -> tuple[list[str], list[str], str]:
        """What the host has: raw files, claim history, published release. Fails if a file of the lake is damaged."""
        assert self.lake.changed() == []
        history = sorted(path.name for path in (self.data / CLAIM_HISTORY).glob("*"))
        return [path.name for path in self.lake.files("*")], history, self.published


def run_in_process(environment: Mapping[str, str], address: str, data: Path, number: int) -> None:
    """A run for a process of its own, which a test kills."""
    os.environ.update(environment)
    Host(address, data).run(number)
