"""Files of logs as DuckDB relations: CSV, JSON and Parquet, also compressed, zipped or in folders.

What a file is follows from its content, never from its name. Messages never quote content.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

import duckdb
import pyarrow as pa

from orchestration.errors import UsageError
from orchestration.storage.sql import file_pattern, literal, quoted
from orchestration.usage.columns import Columns
from orchestration.usage.formats import FORMATS, Format

_HEAD_BYTES = 256 * 1024
_MAX_LINE_BYTES = 64 * 1024 * 1024  # a call with its prompt, which is skipped
_GZIP, _ZSTD, _ZIP, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"
_NESTED = ("metadata", "usage_details")
_SPANS = (
    "struct(scopeSpans struct(spans struct(spanId varchar, startTimeUnixNano varchar, attributes struct("
    '"key" varchar, "value" struct(stringValue varchar, intValue varchar, doubleValue varchar))[])[])[])[]'
)
_SPAN_FIELDS = ("spanId", "startTimeUnixNano")
Kind = Literal["csv", "array", "lines", "document", "parquet"]


@dataclass(frozen=True)
class Log:
    """A file of one format: `path` is what is read, `name` what messages call it, `names` its columns in order."""

    path: Path
    name: str
    kind: Kind
    compression: str
    delimiter: str
    names: tuple[str, ...]

    @property
    def kind_in_words(self) -> str:
        return {"csv": "CSV", "parquet": "Parquet"}.get(self.kind, "JSON")

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


@contextlib.contextmanager
def open_logs(paths: Sequence[Path], scratch: Path) -> Iterator[list[Log]]:
    """The logs in files and folders, those in zip archives unpacked into the folder `scratch` until the end.

    Raises UsageError for a file that is neither CSV nor JSON nor Parquet.
    """
    try:
        yield [log for path in paths for file in _files(path) for log in _logs(file, scratch)]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"{path} does not exist. Nothing was read.")
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    if not found:
        raise UsageError(f"{path} has no files. Nothing was read.")
    return found


def _logs(path: Path, scratch: Path) -> list[Log]:
    try:
        start = _start(path)
        if not start.startswith(_ZIP):
            return [_log(path, str(path), start)]
        logs = []
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            for number, member in enumerate(members):
                scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
                unpacked = scratch / str(number)
                with archive.open(member) as source, unpacked.open("wb") as target:
                    shutil.copyfileobj(source, target)
                logs.append(_log(unpacked, f"{path}: {member.filename}", _start(unpacked)))
    except (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{path} is a damaged or encrypted archive. Nothing was read from it.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or 'it is damaged'}. Nothing was read.") from error
    return logs


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _log(path: Path, name: str, start: bytes) -> Log:
    if start.startswith(_PARQUET):
        return Log(path, name, "parquet", "none", "", ())
    compression = "gzip" if start.startswith(_GZIP) else "zstd" if start.startswith(_ZSTD) else "none"
    text = start if compression == "none" else _head(path, compression)
    if text.startswith(_UTF16):
        raise UsageError(f"{name} is UTF-16. Nothing was read from it. Save it as UTF-8.")
    content = text.removeprefix(_BOM).lstrip()
    if not content:
        raise UsageError(f"{name} is empty. Nothing was read from it.")
    if content.startswith(b"["):
        return Log(path, name, "array", compression, "", ())
    if content.startswith(b"{"):
        first = content.partition(b"\n")[0].strip()
        is_line = first.endswith(b"}") or len(first) == len(content)
        return Log(path, name, "lines" if is_line else "document", compression, "", ())
    try:
        header = content.partition(b"\n")[0].decode()
    except UnicodeDecodeError:
        raise UsageError(f"{name} is neither CSV nor JSON nor Parquet in UTF-8. Nothing was read from it.") from None
    delimiter = max(",;\t", key=header.count)
    names = tuple(column.strip() for column in next(csv.reader([header], delimiter=delimiter)))
    return Log(path, name, "csv", compression, delimiter, names)


def _head(path: Path, compression: str) -> bytes:
    with _unpacked(path, compression) as file:
        return file.read(_HEAD_BYTES)


@contextlib.contextmanager
def _unpacked(path: Path, compression: str) -> Iterator[IO[bytes]]:
    if compression == "gzip":
        with gzip.open(path) as file:
            yield cast(IO[bytes], file)
    elif compression == "zstd":
        with pa.input_stream(str(path), compression="zstd") as file:
            yield file
    else:
        with path.open("rb") as file:
            yield file


def count_lines(log: Log) -> int:
    """The lines of a text file that can be read to its end; an empty line at the end does not count."""
    lines, last = 0, b"\n"
    with _unpacked(log.path, log.compression) as file:
        while chunk := file.read(_HEAD_BYTES):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return lines + (last != b"\n")


def format_of(connection: duckdb.DuckDBPyConnection, log: Log, chosen: str = "") -> Format:
    """The one format whose columns the log has; with `chosen`, that one.

    Raises UsageError if none or several fit, or a column is missing, with what was looked for and what was found.
    """
    names = _names(connection, log)
    fitting = [FORMATS[chosen]] if chosen else [one for one in FORMATS.values() if _has_sign(one, names)]
    if len(fitting) != 1:
        looked_for = "\n".join(
            f"  {one.name}: {', '.join(sorted(one.signs[0]))} ({one.title})" for one in fitting or FORMATS.values()
        )
        problem = "fits several formats; choose one with --as" if fitting else "is of no known format"
        raise UsageError(
            f"{log.name} {problem}. Nothing was read from it. Columns looked for:\n{looked_for}\n"
            f"Columns found: {', '.join(names) or 'none'}"
        )
    [found] = fitting
    sign = min((sign - set(names) for sign in found.signs), key=len)
    missing = sorted(sign | (set(found.required) - set(names)))
    if missing and not (found.name == "opentelemetry" and "resourceSpans" in names):
        raise UsageError(
            f"{log.name} is read as {found.title}, but has no column {', '.join(missing)}. Nothing was read from it. "
            f"Columns found: {', '.join(names)}"
        )
    return found


def _has_sign(one: Format, names: Sequence[str]) -> bool:
    return any(sign <= set(names) for sign in one.signs)


def _names(connection: duckdb.DuckDBPyConnection, log: Log) -> Sequence[str]:
    """The columns of a log: the header, the keys of the first object, or the schema."""
    if log.kind == "csv":
        return log.names
    if log.kind == "parquet":
        return list(_parquet_types(connection, log))
    try:
        sql = f"select json_keys(coalesce(json -> '$.data[0]', json)) from {_objects(log)} limit 1"  # noqa: S608
        found = connection.execute(sql).fetchall()
    except duckdb.Error:
        raise _unreadable(log) from None
    return list(found[0][0]) if found and found[0][0] else ()


def _objects(log: Log) -> str:
    return f"read_json_objects({literal(file_pattern(log.path))}, {_json_options(log)})"


def _json_options(log: Log) -> str:
    """Options of DuckDB's JSON readers. A malformed line is a row of nulls, which the intake refuses."""
    formats = {"array": "array", "lines": "newline_delimited", "document": "unstructured"}
    size = _MAX_LINE_BYTES if log.kind != "document" else max(_MAX_LINE_BYTES, min(8 * log.size_bytes, 2**31 - 1))
    lenient = ", ignore_errors = true" if log.kind == "lines" else ""
    return f"format = '{formats[log.kind]}', compression = '{log.compression}', maximum_object_size = {size}{lenient}"


def _parquet_types(connection: duckdb.DuckDBPyConnection, log: Log) -> Mapping[str, str]:
    try:
        sql = f"describe select * from read_parquet({literal(file_pattern(log.path))})"  # noqa: S608
        rows = connection.execute(sql).fetchall()
    except duckdb.Error:
        raise _unreadable(log) from None
    return {row[0]: row[1] for row in rows}


def _unreadable(log: Log) -> UsageError:
    return UsageError(
        f"{log.name} starts like {log.kind_in_words}, but cannot be read as such. Nothing was read from it."
    )


def relation(connection: duckdb.DuckDBPyConnection, log: Log, one: Format, label: str = "") -> tuple[str, Columns]:
    """SQL of the rows of a log, as a FROM clause with the format's columns and `label`, and their types.

    Raises UsageError if there is no column `label`.
    """
    file = literal(file_pattern(log.path))
    wanted = (*one.columns, *([label] if label else []))
    if log.kind == "parquet":
        types = _parquet_types(connection, log)
        _require_label(log, label, types)
        kept = {name: types[name] for name in wanted if name in types}
        return f"read_parquet({file})", Columns(kept)
    if log.kind == "csv":
        _require_label(log, label, log.names)
        # Declared, because DuckDB would guess the shape from lines that may be damaged.
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in log.names)
        options = (
            f"auto_detect = false, columns = {{{columns}}}, header = true, delim = {literal(log.delimiter)}, "
            f"quote = '\"', escape = '\"', compression = '{log.compression}', null_padding = true, "
            f"store_rejects = true, max_line_size = {_MAX_LINE_BYTES}"
        )
        kept = {name: "VARCHAR" for name in wanted if name in log.names}
        return f"read_csv({file}, {options})", Columns(kept, has_decimal_comma=log.delimiter == ";")
    types = {name: "JSON" if name in _NESTED else "VARCHAR" for name in wanted}
    declared = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
    names = _names(connection, log)
    options = _json_options(log)
    if "resourceSpans" in names:
        unpacked = [name for name in types if name in _SPAN_FIELDS or "." in name]
        return f"({_spans(file, options, unpacked)})", Columns(dict.fromkeys(unpacked, "VARCHAR"))
    if _is_wrapped(connection, log):
        fields = ", ".join(f"{quoted(name)} {kind}" for name, kind in types.items())
        rows = literal(f"struct({fields})[]")
        columns = f"columns = {{'data': {rows}}}"
        sql = f"select unnest(data, recursive := true) from read_json({file}, {options}, {columns})"  # noqa: S608
        return f"({sql})", Columns(types)
    return f"read_json({file}, {options}, columns = {{{declared}}})", Columns(types)


def _require_label(log: Log, label: str, names: Sequence[str] | Mapping[str, str]) -> None:
    if label and label not in names:
        raise UsageError(
            f"{log.name} has no column {label!r} for --label. Nothing was read from it. Columns found: "
            f"{', '.join(names)}"
        )


def _is_wrapped(connection: duckdb.DuckDBPyConnection, log: Log) -> bool:
    """Whether the rows are in a list `data`, as an API returns them."""
    sql = f"select json_type(json, '$.data') = 'ARRAY' from {_objects(log)} limit 1"  # noqa: S608  # our own
    return connection.execute(sql).fetchall() == [(True,)]


def _spans(file: str, options: str, wanted: Sequence[str]) -> str:
    """One row for each span, with the attributes in `wanted` as columns. All other attributes are dropped at once."""
    attributes = [name for name in wanted if "." in name]
    columns = ", ".join(
        f"list_filter(span.attributes, lambda a: a.key = {literal(name)})[1].value as {quoted(f'{name} value')}"
        for name in attributes
    )
    values = ", ".join(
        f"coalesce({value}.stringValue, {value}.intValue, {value}.doubleValue) as {quoted(name)}"
        for name in attributes
        for value in [quoted(f"{name} value")]
    )
    return f"""
        select spanId, startTimeUnixNano, {values}
        from (
            select span.spanId, span.startTimeUnixNano, {columns}
            from (
                select unnest(scope.spans) as span from (
                    select unnest(resource.scopeSpans) as scope from (
                        select unnest(resourceSpans) as resource
                        from read_json({file}, {options}, columns = {{'resourceSpans': {literal(_SPANS)}}})
                    )
                )
            )
        )
    """  # noqa: S608  # names are quoted
