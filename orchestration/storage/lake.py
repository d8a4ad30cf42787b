"""The lake: immutable Parquet, one file per response, written once and never changed.

    <root>/KIND                                                    real or simulated, written by the first write
    <root>/<surface>/observed_date=YYYY-MM-DD/<as_of>-<hash>.parquet
    <root>/ledger.jsonl                                            one line per file, appended with each write

The hash in a name is that of the file's bytes, so each file can be verified on its own. Each row has its provenance in
columns; the Parquet metadata has it too, under `routerscope`, even for responses without rows. The ledger repeats the
metadata, so that builds can be compared with it and a lost file is noticed. Missing lines, or a missing ledger, are
restored from the files' footers. Surfaces and parsing do not belong here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.errors import LakeError
from orchestration.formatting import basic_timestamp
from orchestration.storage.files import TEMPORARY, remove_unfinished_writes, sha256, write_atomically

Kind = Literal["real", "simulated"]

METADATA_KEY = b"routerscope"
LEDGER = "ledger.jsonl"
LAKE_FOLDER = "raw"  # in the data folder
KIND_FILE = "KIND"
PROVENANCE = pa.schema(
    [
        pa.field("as_of", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("fetched_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("request_url", pa.string(), nullable=False),
        pa.field("source_url", pa.string(), nullable=False),
        pa.field("citation", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("payload_sha256", pa.string(), nullable=False),
        pa.field("schema_version", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
    ]
)
_HASH_DIGITS = 16


@dataclass(frozen=True)
class Provenance:
    """Where the rows of one file come from.

    Timestamps are UTC; `request` holds the parameters of the query, `envelope` the JSON of the response around its
    rows.
    """

    as_of: dt.datetime
    fetched_at: dt.datetime
    request_url: str
    source_url: str
    citation: str
    licence: str
    payload_sha256: str
    schema_version: int
    kind: Kind = "real"
    request: Mapping[str, str] = field(default_factory=dict)
    envelope: str = "{}"


class Lake:
    """Append-only Parquet under one root, of one kind of data."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def kind(self) -> Kind:
        """The kind of data in the lake. Raises LakeError if the lake is empty."""
        try:
            kind = (self.root / KIND_FILE).read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise LakeError(f"The lake {self.root} is empty ({error}). Run `make run` first.") from error
        if kind not in get_args(Kind):
            raise LakeError(
                f"{self.root / KIND_FILE} says {kind[:40]!r}, not real or simulated. Nothing was changed. Restore it "
                "from a backup, or write the kind of the data into it, and run again."
            )
        return "simulated" if kind == "simulated" else "real"

    @property
    def is_simulated(self) -> bool:
        """Whether its data is simulated; False for an empty lake."""
        return (self.root / KIND_FILE).exists() and self.kind == "simulated"

    def check_kind(self, kind: Kind) -> None:
        """Raises LakeError if the lake holds the other kind of data."""
        existing = self.kind if (self.root / KIND_FILE).exists() else kind
        if existing != kind:
            raise LakeError(
                f"The lake {self.root} holds {existing} data and refuses {kind} data, so that the two never mix. "
                "Nothing was written. Set ROUTERSCOPE_DATA_DIR to a separate folder for this source."
            )

    def files(self, surface: str) -> list[Path]:
        """Every file of a surface (`*` for all surfaces), ordered by day of observation and name."""
        return sorted(self.root.glob(f"{surface}/observed_date=*/*.parquet"))

    def responses(self, surface: str) -> list[dict[str, Any]]:
        """The metadata of each response of a surface (see `read_metadata`), in the order of `files`."""
        return [read_metadata(path) for path in self.files(surface)]

    def changed(self, surfaces: Iterable[str] = ("*",)) -> list[Path]:
        """Files whose bytes have changed since they were written."""
        return [path for surface in surfaces for path in self.files(surface) if not is_intact(path)]

    def write(self, surface: str, table: pa.Table, provenance: Provenance) -> Path | None:
        """Add one response; returns its file, or None if the lake already has this payload of this request and time.

        The write is atomic: the file is complete or does not exist. Raises LakeError if the lake holds the other kind
        of data, or if the file cannot be written.
        """
        self.check_kind(provenance.kind)
        folder = self._partition(surface, provenance.fetched_at)
        for path in folder.glob(f"{basic_timestamp(provenance.as_of)}-*.parquet"):
            if _identity(read_metadata(path)) == _identity(_as_metadata(provenance)):
                return None
        metadata = _as_metadata(provenance) | {"surface": surface, "rows": table.num_rows}
        content = self._parquet(table, provenance, metadata)
        name = f"{basic_timestamp(provenance.as_of)}-{hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]}.parquet"
        try:
            self.record_kind(provenance.kind)
            write_atomically(folder / name, content)
        except OSError as error:
            raise LakeError(
                f"{folder / name} could not be written: {error.strerror or error}. This response was not kept; "
                "the other files of the lake are unchanged. Free disk space or fix the folder's permissions, and run "
                "again."
            ) from error
        try:
            self._append_to_ledger(self._ledger_row(folder / name, metadata))
        except OSError as error:
            raise LakeError(
                f"{folder / name} was written, but could not be listed in {self.root / LEDGER}: "
                f"{error.strerror or error}. The response is kept, and the next run lists it. Free disk space or fix "
                "the file's permissions, and run again."
            ) from error
        return folder / name

    def ledger(self) -> dict[str, dict[str, Any]]:
        """Rows of the ledger by the file's path relative to the root, in the order in which they were added.

        A row holds the file's metadata without the envelope. Files that the ledger lacks are added before.
        """
        return self._completed_ledger()[0]

    def complete_ledger(self) -> str:
        """Add the files that the ledger lacks; returns a sentence about the changes, or "" if there are none."""
        return self._completed_ledger()[1]

    def _completed_ledger(self) -> tuple[dict[str, dict[str, Any]], str]:
        """The rows, and a sentence about what was added. Raises LakeError if the ledger cannot be read or written.

        The row of a lost file stays, so that the loss is noticed.
        """
        path = self.root / LEDGER
        try:
            is_missing = not path.exists()
            rows, invalid = ({}, 0) if is_missing else _read_ledger(path)
            files = {file.relative_to(self.root).as_posix(): file for file in self.files("*")}
            unlisted = {name: file for name, file in files.items() if name not in rows}
            if not (unlisted or invalid):
                return rows, ""
            rows |= {name: self._ledger_row(file, read_metadata(file)) for name, file in unlisted.items()}
            write_atomically(path, b"".join(map(_as_line, rows.values())))
        except OSError as error:
            raise LakeError(
                f"{path}, which lists the files of the lake, could not be read or completed: "
                f"{error.strerror or error}. The files are unchanged. Free disk space or fix the permissions, and run "
                "again."
            ) from error
        if is_missing:
            return rows, f"{path} was missing and was rebuilt from the footers of {len(unlisted)} files."
        return rows, (
            f"{path} was completed. Files added from their footers: {len(unlisted)}; invalid lines removed: {invalid}."
        )

    def _ledger_row(self, path: Path, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """A file's row of the ledger. The envelope stays in the footer: it may be large and is not compared."""
        kept = {name: value for name, value in sorted(metadata.items()) if name != "envelope"}
        return {"raw_file": path.relative_to(self.root).as_posix(), **kept}

    def _append_to_ledger(self, row: Mapping[str, Any]) -> None:
        with (self.root / LEDGER).open("a+b") as file:
            # A killed process or a full disk may have cut off the last line. Start a new line then.
            is_cut = file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write(b"\n" * is_cut + _as_line(row))
            file.flush()
            os.fsync(file.fileno())

    def record_kind(self, kind: Kind) -> None:
        """Record the kind with the first write. Raises LakeError if another process recorded the other kind first."""
        path = self.root / KIND_FILE
        if path.exists():
            return
        temporary = path.with_name(f"KIND.{os.getpid()}{TEMPORARY}")
        write_atomically(temporary, f"{kind}\n".encode())
        # Unlike a rename, a link never replaces the file of another process.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        temporary.unlink()
        self.check_kind(kind)

    def remove_unfinished_writes(self) -> None:
        """Remove what killed processes left of their writes."""
        remove_unfinished_writes(self.root)

    def _partition(self, surface: str, fetched_at: dt.datetime) -> Path:
        return self.root / surface / f"observed_date={fetched_at.astimezone(dt.UTC).date()}"

    def _parquet(self, table: pa.Table, provenance: Provenance, metadata: Mapping[str, Any]) -> bytes:
        for column in PROVENANCE:
            value = getattr(provenance, column.name)
            table = table.append_column(column, pa.repeat(pa.scalar(value, column.type), table.num_rows))
        table = table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata, sort_keys=True).encode()})
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        return sink.getvalue()


def is_intact(path: Path) -> bool:
    """Whether the file has the bytes that it was written with: their hash is in its name."""
    return sha256(path)[:_HASH_DIGITS] == path.stem.rpartition("-")[2]


def is_named_by(path: Path, content: bytes) -> bool:
    """Whether the hash in the file's name is that of these bytes."""
    return hashlib.sha256(content).hexdigest()[:_HASH_DIGITS] == path.stem.rpartition("-")[2]


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata of one file, from its footer: the fields of Provenance, `surface` and `rows`.

    Raises LakeError if it is not a complete file of a lake.
    """
    stat = path.stat()
    return _metadata(path, stat.st_mtime_ns, stat.st_size)


# Files never change, and each plan reads the metadata of all of them.
@functools.lru_cache(maxsize=100_000)
def _metadata(path: Path, _modified: int, _size: int) -> dict[str, Any]:
    try:
        metadata = pq.read_metadata(path).metadata or {}
        return dict(json.loads(metadata[METADATA_KEY]))
    except PermissionError as error:
        raise LakeError(
            f"{path} cannot be read: Permission denied. Nothing was changed. Fix the file's permissions, and run again."
        ) from error
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise LakeError(
            f"{path} is not a complete file of this lake ({error}). Nothing was changed. "
            f"Restore it from a backup, or move it out of the lake and delete the lake's {LEDGER}, and run again."
        ) from error


def _read_ledger(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The rows by file, and the number of invalid lines."""
    rows, invalid = dict[str, dict[str, Any]](), 0
    for line in path.read_bytes().split(b"\n"):
        if not line:
            continue
        try:
            row = json.loads(line)
            rows[str(row["raw_file"])] = row | {"surface": str(row["surface"]), "rows": int(row["rows"])}
        except (ValueError, KeyError, TypeError, RecursionError):
            invalid += 1
    return rows, invalid


def _as_line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _as_metadata(provenance: Provenance) -> dict[str, Any]:
    timestamps = {"as_of": provenance.as_of.isoformat(), "fetched_at": provenance.fetched_at.isoformat()}
    return asdict(provenance) | timestamps


def _identity(metadata: Mapping[str, Any]) -> tuple[str, str, str]:
    return metadata["payload_sha256"], metadata["request_url"], metadata["fetched_at"]
