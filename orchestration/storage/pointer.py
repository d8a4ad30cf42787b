"""The pointer: which release object storage publishes, which files belong to it, and which others are kept.

It is one JSON object. Reading and replacing it belongs to `remote`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from orchestration.errors import RemoteError
from orchestration.storage.files import sha256
from orchestration.storage.releases import released_at

SCHEMA_VERSION = 1
RELEASE_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class File:
    """Size in bytes and SHA-256 (hex) of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> File:
        return cls(path.stat().st_size, sha256(path))

    def is_content(self, content: bytes) -> bool:
        return len(content) == self.size and hashlib.sha256(content).hexdigest() == self.sha256

    def is_copied_to(self, path: Path) -> bool:
        return path.is_file() and path.stat().st_size == self.size and sha256(path) == self.sha256


Files = Mapping[str, File]


@dataclass(frozen=True)
class Pointer:
    """`release` is the published one, empty before the first. `releases` maps each kept release to its files.

    `withdrawn` names the releases that were rolled back, `claim_history` the files of the history.
    """

    release: str = ""
    releases: Mapping[str, Files] = field(default_factory=dict)
    withdrawn: tuple[str, ...] = ()
    claim_history: Files = field(default_factory=dict)

    @classmethod
    def parse(cls, content: bytes, shown: str) -> Pointer:
        """The pointer from its JSON. Raises RemoteError, which shows the address `shown`, if it is none."""
        try:
            document = json.loads(content)
            if document["schema_version"] > SCHEMA_VERSION:
                raise RemoteError(
                    f"{shown} was written by a newer version of Routerscope. Nothing was changed. Upgrade Routerscope "
                    "on this host, and run again."
                )
            pointer = cls(
                release=document["release"],
                releases={name: _files(files) for name, files in document["releases"].items()},
                withdrawn=tuple(document["withdrawn"]),
                claim_history=_files(document["claim_history"]),
            )
            names = [*pointer.releases, *pointer.withdrawn]
            is_valid = all(RELEASE_NAME.fullmatch(name) for name in names) and pointer.release in pointer.releases
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            is_valid = False
        if not is_valid:
            raise RemoteError(
                f"{shown} is damaged: it does not describe a release. Nothing was changed. Restore an earlier version "
                "of the object, or delete it: the next run publishes a new release."
            )
        return pointer

    def as_json(self) -> bytes:
        return (
            json.dumps({"schema_version": SCHEMA_VERSION, **asdict(self)}, indent=1, sort_keys=True) + "\n"
        ).encode()

    def with_release(self, name: str, files: Files) -> Pointer:
        """Publishes another release."""
        return replace(self, release=name, releases={**self.releases, name: files})

    def with_claims(self, files: Files) -> Pointer:
        """Adds files of the claim history."""
        return replace(self, claim_history={**self.claim_history, **files})

    def without_release(self, withdrawn: str, restored: str) -> Pointer:
        """Withdraws the published release, and publishes an earlier one again."""
        return replace(self, release=restored, withdrawn=(*self.withdrawn, withdrawn))

    def earlier_release(self) -> str | None:
        """The newest kept release before the published one that was not withdrawn."""
        return max((name for name in self.releases if name < self.release and name not in self.withdrawn), default=None)

    def pruned(self, kept: int, replaced_before: dt.datetime) -> Pointer:
        """Without the releases that were replaced before that time, except for the newest few."""
        names = sorted(self.releases)
        successors = dict(itertools.pairwise(names))
        newest = [name for name in names if name not in self.withdrawn][-kept:]
        releases = {
            name: self.releases[name]
            for name in names
            if name in newest or name == self.release or released_at(successors.get(name, name)) >= replaced_before
        }
        return replace(self, releases=releases)


def _files(document: Mapping[str, Any]) -> Files:
    """Raises ValueError for a path that would leave the folder, and for what is no file."""
    for path, file in document.items():
        is_inside = path.isprintable() and path == str(PurePosixPath(path)) and ".." not in path.split("/")
        if not is_inside or path.startswith("/") or not _SHA256.fullmatch(file["sha256"]) or file["size"] < 0:
            raise ValueError(path)
    return {path: File(int(file["size"]), file["sha256"]) for path, file in document.items()}
