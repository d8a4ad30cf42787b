"""The lake, the releases and the claim history in object storage, and their exchange with a data folder.

    <address>/raw/KIND                       real or simulated, created by the first push
    <address>/raw/<surface>/observed_date=YYYY-MM-DD/<as_of>-<hash>.parquet    as in the lake, never changed
    <address>/claim_history/<release>.parquet
    <address>/releases/<release>/…           the files of a release, never changed
    <address>/published.json                 the pointer (see `pointer`), replaced in one conditional write

A pull adds to a data folder what it lacks; a push adds to object storage what that lacks. A release counts as published
when the pointer names it, which is written last. How objects are transferred is in `objects`.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from orchestration.errors import ConflictError, LakeError, RemoteError, WarehouseError
from orchestration.folders import CLAIM_HISTORY
from orchestration.storage.files import write_atomically
from orchestration.storage.lake import KIND_FILE, LAKE_FOLDER, Kind, Lake, is_intact, is_named_by
from orchestration.storage.objects import Objects, Version
from orchestration.storage.pointer import RELEASE_NAME, File, Pointer
from orchestration.storage.releases import MAX_KEPT_RELEASES, Releases, released_at

POINTER = "published.json"
RELEASES = "releases"
# A reader that has read the pointer has this long to download the files.
REMOTE_GRACE = dt.timedelta(days=1)
_RAW_FILE = re.compile(rf"{LAKE_FOLDER}/\w+/observed_date=\d{{4}}-\d\d-\d\d/[\w.]+-[0-9a-f]{{16}}\.parquet")
_TRIAL = f"{LAKE_FOLDER}/conditional-write"
_KIND = f"{LAKE_FOLDER}/{KIND_FILE}"
_SECONDS_BETWEEN_LINES = 5.0
_MB = 1_000_000


class Remote:
    """Object storage as one data folder sees it. `log` receives a line for each transfer, and its progress.

    `push_release` replaces only the pointer that `pull` has read, so each run uses one object of this class. Every
    method raises RemoteError if object storage cannot be used.
    """

    def __init__(self, address: str, data: Path, log: Callable[[str], None] = lambda _: None) -> None:
        """Raises SettingsError if obstore is not installed or the address cannot be used."""
        self.address, self.log = address, log
        self._objects = Objects(address)
        self._data, self._lake, self._releases = data, Lake(data / LAKE_FOLDER), Releases(data)
        self._pointer = Pointer()
        self._version: Version | None = None
        self._kind: Kind | None = None
        self._raw: dict[str, int] = {}

    def pull(self, kind: Kind | None = None) -> int:
        """Add what the data folder lacks: raw files, claim history, and the published release.

        `kind` is that of the data that the run is about to load. Returns the number of raw files that were added.
        Raises LakeError, before it writes anything, if object storage holds the other kind of data.
        """
        self._pointer, self._version = self._fetch_pointer()
        added = self.pull_raw(kind)
        self._pull_claims()
        try:
            self._pull_published()
        except RemoteError as error:  # the release of this run replaces it
            self.log(f"The release that is published there was not copied to {self._data}: {error}")
        return added

    def pull_raw(self, kind: Kind | None = None) -> int:
        """Add the raw files that the data folder lacks, and return their number; `kind` as in `pull`."""
        self._check_kind(kind)
        self._raw = {key: size for key, size in self._objects.list(LAKE_FOLDER).items() if _RAW_FILE.fullmatch(key)}
        lacking = {key: size for key, size in self._raw.items() if not (self._data / key).exists()}
        if self._kind:
            self._lake.record_kind(self._kind)
        self._download("raw files", lacking, self._store_raw_file)
        return len(lacking)

    def pull_release(self) -> None:
        """Add the published release and the claim history only, for readers.

        Raises RemoteError if no release was published.
        """
        self._pointer, self._version = self._fetch_pointer()
        if not self._pointer.release:
            raise RemoteError(
                f"{self.address} has no published release. Nothing was changed. A run with "
                f"ROUTERSCOPE_REMOTE={self.address} publishes one: make run"
            )
        self._pull_claims()
        self._pull_published()

    def push_raw(self, surface: str = "*") -> None:
        """Add the raw files of a surface (`*` for all) that object storage lacks.

        Raises LakeError if the local file is damaged, or if object storage holds the other kind of data.
        """
        files = {path.relative_to(self._data).as_posix(): path for path in self._lake.files(surface)}
        sizes = {key: path.stat().st_size for key, path in files.items()}
        new = {key: files[key] for key, size in sizes.items() if self._raw.get(key) != size}
        if not new:
            return
        if damaged := [path for path in new.values() if not is_intact(path)]:
            raise LakeError(
                f"{damaged[0]} is damaged: its bytes do not have the hash in its name. It was not copied to "
                f"{self.address}. Restore it from a backup, or delete it, and run again."
            )
        self._create_kind()
        self._upload("raw files", new)
        self._raw |= {key: sizes[key] for key in new}

    def push_release(self) -> None:
        """Add the release that the data folder publishes, with its claim history, and replace the pointer.

        Does nothing if object storage has them. Raises ConflictError if another host replaced the pointer since `pull`.
        """
        folder = self._releases.current
        claims = self._new_claims()
        is_new = folder.name not in {*self._pointer.releases, *self._pointer.withdrawn}
        if not (is_new or claims) or not folder.is_dir():
            return
        if is_new and folder.name < self._pointer.release:
            raise RemoteError(
                f"The release {folder.name} is named earlier than {self._pointer.release}, which is published in "
                f"{self.address}, although it was built later. It is published in {self._data} only. Set the "
                "clock of this machine right, and run again."
            )
        files = self._push_files(folder) if is_new else {}
        self._upload("files of the claim history", {f"{CLAIM_HISTORY}/{name}": path for name, path in claims.items()})
        pointer = self._pointer.with_claims({name: File.of(path) for name, path in claims.items()})
        if is_new:
            pointer = pointer.with_release(folder.name, files).pruned(MAX_KEPT_RELEASES, _end_of_grace())
        if not self._replace_pointer(pointer):
            winner = self._fetch_pointer()[0].release
            raise ConflictError(
                f"Another host changed what {self.address} publishes while this run worked: it is now "
                f"{winner}. The raw files of this run are kept there. Its release, {folder.name}, is published in "
                f"{self._data} only. Run again: the next run builds from the raw files of both."
            )
        self.log(f"{folder.name} is published in {self.address}")
        self._prune()

    def rollback(self) -> tuple[str, str]:
        """Publish the release before the current one again, in object storage and then in the data folder.

        Returns the names of the withdrawn and of the restored release. Raises WarehouseError if there is none before.
        """
        self._pointer, self._version = self._fetch_pointer()
        self._check_kind(None)
        withdrawn, restored = self._pointer.release, self._pointer.earlier_release()
        if restored is None:
            raise WarehouseError(
                f"There is no release before {withdrawn or 'the first one'} in {self.address}, so nothing was "
                "changed. Run `make run` to rebuild and publish from the raw data."
            )
        if not self._replace_pointer(self._pointer.without_release(withdrawn, restored)):
            raise ConflictError(
                f"Another host changed what {self.address} publishes at the same time, so nothing was rolled "
                "back. Look at the newest release, and run the command again."
            )
        self._pull_published()
        return withdrawn, restored

    def _fetch_pointer(self) -> tuple[Pointer, Version | None]:
        found = self._objects.get(POINTER)
        if found is None:
            return Pointer(), None
        return Pointer.parse(found.content, self._objects.shown(POINTER)), found.version

    def _replace_pointer(self, pointer: Pointer) -> bool:
        """Whether the pointer still was the one that was fetched, and now is this one."""
        version = self._objects.put_if(POINTER, pointer.as_json(), self._version)
        if version is None:
            return False
        self._pointer, self._version = pointer, version
        return True

    def _check_kind(self, kind: Kind | None) -> None:
        """Raises LakeError if object storage holds another kind of data than this one, or than the data folder."""
        self._kind = stored = self._stored_kind()
        expected = kind or (self._lake.kind if (self._lake.root / KIND_FILE).exists() else None)
        if stored and expected and stored != expected:
            raise LakeError(
                f"{self.address} holds {stored} data and refuses {expected} data, so that the two never mix. "
                "Nothing was written. Set ROUTERSCOPE_REMOTE to a separate address for this source."
            )

    def _stored_kind(self) -> Kind | None:
        found = self._objects.get(_KIND)
        if found is None:
            return None
        if found.content not in (b"real\n", b"simulated\n"):
            raise RemoteError(
                f"{self._objects.shown(_KIND)} is damaged: it says neither real nor simulated. Nothing was changed. "
                "Write the kind of the data into it, and run again."
            )
        return "real" if found.content == b"real\n" else "simulated"

    def _create_kind(self) -> None:
        """Create the object KIND if there is none. Raises LakeError if another host created the other kind."""
        if self._kind:  # the pull has compared it
            return
        kind = self._lake.kind
        content = f"{kind}\n".encode()
        if self._stored_kind() is None:
            if not self._objects.obeys_conditions(_TRIAL):
                raise RemoteError(
                    f"The server of {self.address} ignores conditions on writes (If-Match), so two hosts "
                    "could replace each other's release. Nothing is stored there. Use a server with conditional "
                    "writes (docs/how-to/object-storage.md)."
                )
            self._objects.put_if(_KIND, content, None)
        self._check_kind(kind)

    def _store_raw_file(self, key: str, content: bytes) -> None:
        if not is_named_by(self._data / key, content):
            raise RemoteError(
                f"{self._objects.shown(key)} is damaged: its bytes do not have the hash in its name. It was not "
                "stored. Delete the object, and run again on a host that has the file, which restores it."
            )
        write_atomically(self._data / key, content)

    def _pull_claims(self) -> None:
        folder = self._data / CLAIM_HISTORY
        lacking = {
            f"{CLAIM_HISTORY}/{name}": file
            for name, file in self._pointer.claim_history.items()
            if not file.is_copied_to(folder / name)
        }

        def store(key: str, content: bytes) -> None:
            self._check(key, lacking[key], content)
            write_atomically(self._data / key, content)

        self._download("files of the claim history", {key: file.size for key, file in lacking.items()}, store)

    def _new_claims(self) -> dict[str, Path]:
        files = sorted((self._data / CLAIM_HISTORY).glob("*.parquet"))
        return {path.name: path for path in files if path.name not in self._pointer.claim_history}

    def _pull_published(self) -> None:
        """Publish the release of the pointer in the data folder, unless that has a newer one to push."""
        pointer, current = self._pointer, self._releases.current.name
        is_known = not RELEASE_NAME.fullmatch(current) or current in {*pointer.releases, *pointer.withdrawn}
        if not pointer.release or not (is_known or current < pointer.release):
            return
        files = pointer.releases[pointer.release]
        folder = f"{RELEASES}/{pointer.release}"

        def download(target: Path) -> None:
            def store(key: str, content: bytes) -> None:
                name = key.removeprefix(f"{folder}/")
                self._check(key, files[name], content)
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content)

            sizes = {f"{folder}/{name}": file.size for name, file in files.items()}
            self._download(f"files of the release {pointer.release}", sizes, store)

        self._releases.adopt(
            pointer.release, {name: file.size for name, file in files.items()}, download, pointer.withdrawn
        )

    def _push_files(self, folder: Path) -> dict[str, File]:
        """Upload the files of a release; returns them once object storage lists each one with its size."""
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        files = {name: File.of(path) for name, path in paths.items()}
        prefix = f"{RELEASES}/{folder.name}"
        self._upload(f"files of the release {folder.name}", {f"{prefix}/{name}": path for name, path in paths.items()})
        listed = self._objects.list(prefix)
        for name, file in files.items():
            if listed.get(f"{prefix}/{name}") != file.size:
                raise RemoteError(
                    f"{self._objects.shown(f'{prefix}/{name}')} does not have the size of the uploaded file. The "
                    f"release is published in {self._data} only. Run again, which uploads it again."
                )
        return files

    def _prune(self) -> None:
        """Delete what the pointer no longer names, including what killed runs left, after the grace period."""
        try:
            old = [
                key
                for key in self._objects.list(RELEASES)
                if RELEASE_NAME.fullmatch(name := key.split("/")[1])
                and name not in self._pointer.releases
                and released_at(name) < _end_of_grace()
            ]
            self._objects.delete(old)
        except RemoteError as error:
            self.log(f"Old releases were not deleted; the next run tries again. {error}")

    def _check(self, key: str, file: File, content: bytes) -> None:
        if not file.is_content(content):
            raise RemoteError(
                f"{self._objects.shown(key)} is damaged: it does not have the size and SHA-256 that "
                f"{self._objects.shown(POINTER)} states. It was not stored. Run `routerscope rollback`, or publish a "
                "new release: make run ARGS=--rebuild"
            )

    def _download(self, what: str, sizes: Mapping[str, int], store: Callable[[str, bytes], None]) -> None:
        count = self._progress("Pulled", what, sizes)

        def receive(key: str, content: bytes) -> None:
            store(key, content)
            count(key)

        self._objects.get_many(sizes, receive)

    def _upload(self, what: str, files: Mapping[str, Path]) -> None:
        sizes = {key: path.stat().st_size for key, path in files.items()}
        self._objects.put_many(files, self._progress("Pushed", what, sizes))

    def _progress(self, verb: str, what: str, sizes: Mapping[str, int]) -> Callable[[str], None]:
        """Returns a function to call for each transferred object: it logs a line every few seconds, and the last."""
        total, done, last = sum(sizes.values()), list[int](), time.monotonic()

        def count(key: str) -> None:
            nonlocal last
            done.append(sizes[key])
            if len(done) == len(sizes) or time.monotonic() - last > _SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                amount = f"{sum(done) / _MB:.1f} of {total / _MB:.1f} MB"
                self.log(f"{verb} {len(done):,} of {len(sizes):,} {what}, {amount}")

        return count


def _end_of_grace() -> dt.datetime:
    """Readers of what was replaced before this time have had their grace period."""
    return dt.datetime.now(dt.UTC) - REMOTE_GRACE
