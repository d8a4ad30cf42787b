"""Take a log in: each call is a row of immutable Parquet, with nothing but numbers, names of models and hashed ids.

    <data>/own/raw/<format>/<sha256 of the file>.parquet

A file is taken in whole or not at all. Rows that are no usable calls stay in the file with the reason (`refusal`), so
that every row is accounted for. What the calls cost is dbt's work.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.errors import LakeError, RouterscopeError, UsageError
from orchestration.storage.files import locked, remove_unfinished_writes, replace_when_complete, sha256
from orchestration.storage.sql import file_pattern, literal, quoted
from orchestration.usage.columns import Columns
from orchestration.usage.formats import CALL_COLUMNS, FORMATS, Format
from orchestration.usage.logs import Log, count_lines, format_of, open_logs, relation
from orchestration.usage.privacy import INTAKE_LOCK, MEMORY_LIMIT, hashed, private_connection, private_folder, salt

MAX_REFUSED_SHARE = 0.01
# A row is refused for the first of these reasons that holds. Values of -1 could not be read; see `columns`.
REFUSALS = {
    "no_time": "called_at is null",
    "no_model": "model is null",
    "no_tokens": "prompt_tokens is null or completion_tokens is null",
    "bad_tokens": (
        "least(prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, calls) < 0"
    ),
    "no_calls": "calls < 1",
    "parts_exceed_prompt": "coalesce(cached_tokens, 0) + coalesce(cache_write_tokens, 0) > prompt_tokens",
    "reasoning_exceeds_completion": "reasoning_tokens > completion_tokens",
    "bad_charge": "least(charged_usd, upstream_usd, extra_usd) < 0",
    "in_the_future": "called_at > $latest",
}
MALFORMED = "malformed_line"
_DAY_AHEAD = dt.timedelta(days=1)  # a clock may be wrong, and a day may have begun elsewhere
_POLL_SECONDS = 1.0
# Names repeat and ids do not: DuckDB would otherwise try long to find ids that do. Ids are most of the file, and no
# level of compression makes hashes smaller.
_PARQUET = "format parquet, compression zstd, compression_level 1, dictionary_size_limit 2000"
# Columns that a format does not report.
_DEFAULTS = {"calls": "1", "is_daily": "false", "is_failed": "false", "is_own_key": "false", "extra_usd": "0"}
# What is done, and how much of it, from 0 to 1.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Added:
    """What became of one log. `rows` includes those refused and skipped, each by reason; `is_new` is false if the same
    content was there before."""

    name: str
    format: Format
    is_new: bool
    rows: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        return self.rows - sum(self.refused.values()) - sum(self.skipped.values())


def add_logs(
    data: Path,
    paths: Sequence[Path],
    now: dt.datetime,
    chosen: str = "",
    label: str = "",
    keep_labels: bool = False,
    accept_losses: bool = False,
    progress: Progress | None = None,
) -> list[Added]:
    """Take in the logs in these files and folders; returns what became of each.

    `label` names one column to keep beside each call, hashed unless `keep_labels`. Raises UsageError before anything of
    a log is written if it cannot be read, is of no known format, or more than MAX_REFUSED_SHARE of its rows are
    refused, unless `accept_losses`. Logs before it in the list stay.
    """
    if chosen and chosen not in FORMATS:
        raise UsageError(f"{chosen!r} is no format. Nothing was read. Formats: {', '.join(FORMATS)}")
    folder = private_folder(data)
    with locked(folder / INTAKE_LOCK), open_logs(paths, folder / f"unpacked.{os.getpid()}") as logs:
        remove_unfinished_writes(folder / "raw")
        intake = _Intake(folder, now, label, keep_labels, accept_losses, progress or (lambda _stage, _share: None))
        added: list[Added] = []
        for log in logs:
            try:
                added.append(intake.add(log, chosen))
            except RouterscopeError as error:
                if not added:
                    raise
                names = ", ".join(one.name for one in added)
                raise type(error)(f"{error}\nStored before it, and kept: {names}.") from error
        return added


class _Intake:
    def __init__(
        self, folder: Path, now: dt.datetime, label: str, keep_labels: bool, accept_losses: bool, progress: Progress
    ) -> None:
        self._raw = folder / "raw"
        self._latest = now.astimezone(dt.UTC).replace(tzinfo=None) + _DAY_AHEAD
        self._label, self._keep_labels, self._accept_losses = label, keep_labels, accept_losses
        self._progress = progress
        self._salt = salt(folder)
        self._connection = private_connection(folder)
        # Otherwise `query_progress` is unknown.
        self._connection.execute("set enable_progress_bar = true; set enable_progress_bar_print = false")

    def add(self, log: Log, chosen: str) -> Added:
        self._progress(f"{log.name}: reading", 0)
        format_ = format_of(self._connection, log, chosen)
        content = sha256(log.path)
        if any(self._raw.glob(f"*/{content}.parquet")):
            return Added(log.name, format_, is_new=False)
        source, columns = relation(self._connection, log, format_, self._label)
        target = self._raw / format_.name / f"{content}.parquet"
        with replace_when_complete(target) as temporary:
            try:
                sql = self._sql(source, columns, format_)
                self._copy(log, sql, temporary, salt=self._salt, latest=self._latest)
                self._mark_repeated_ids(log, temporary)
                added = self._account(log, format_, temporary)
            except duckdb.Error as error:
                raise self._failed(log, error) from None
        return added

    def _sql(self, source: str, columns: Columns, format_: Format) -> str:
        given = format_.select(columns)
        calls = ", ".join(
            f"cast(coalesce({given.get(name, 'null')}, {_DEFAULTS.get(name, 'null')}) as {kind}) as {name}"
            for name, kind in CALL_COLUMNS.items()
        )
        label = columns.text(self._label) if self._label else "cast(null as varchar)"
        if self._label and not self._keep_labels:
            label = f"left(sha256($salt || {label}), 12)"
        refusal = " ".join(f"when {condition} then '{reason}'" for reason, condition in REFUSALS.items())
        kept = ", ".join(quoted(name) for name in CALL_COLUMNS if name not in ("id", "skipped"))
        return f"""
            with calls as (select {calls}, {label} as label from {source})
            select
                '{format_.name}' as source, {hashed("id")} as call_id, false as is_id_repeated, {kept}, label, skipped,
                case when skipped is null then case {refusal} end end as refusal
            from calls
        """  # noqa: S608  # expressions of our own, names are quoted

    def _copy(self, log: Log, sql: str, target: Path, **parameters: object) -> None:
        with self._watched(f"{log.name}: taking calls in"):
            self._connection.execute(f"copy ({sql}) to {literal(target)} ({_PARQUET})", parameters)

    def _mark_repeated_ids(self, log: Log, written: Path) -> None:
        """Set `is_id_repeated`, so that a build has to search few calls: most logs have each id once.

        It is also true of the rare ids that share their `hash`. The build compares the ids themselves.
        """
        stored = f"read_parquet({literal(file_pattern(written))})"
        repeated = (
            f"select hash(call_id) as call_hash from {stored} "  # noqa: S608
            "where call_id is not null group by call_hash having count(*) > 1"
        )
        with self._watched(f"{log.name}: searching for repeated calls"):
            self._connection.execute(f"create or replace temp table repeated as {repeated}")
        if len(self._connection.table("repeated")):
            is_repeated = "call_id is not null and hash(call_id) in (from repeated)"
            with replace_when_complete(written) as temporary:
                self._copy(log, f"select * replace ({is_repeated} as is_id_repeated) from {stored}", temporary)  # noqa: S608

    @contextlib.contextmanager
    def _watched(self, stage: str) -> Iterator[None]:
        """Reports how far the statement of the connection is, from another thread."""
        ended = threading.Event()

        def poll() -> None:
            while not ended.wait(_POLL_SECONDS):
                self._progress(stage, max(self._connection.query_progress(), 0) / 100)

        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _account(self, log: Log, format_: Format, written: Path) -> Added:
        """What became of the rows of a log. Raises UsageError if too many were refused."""
        stored = literal(file_pattern(written))
        counts = self._connection.execute(
            f"select skipped, refusal, count(*) from read_parquet({stored}) group by all order by all"  # noqa: S608
        ).fetchall()
        rows = sum(row[2] for row in counts)
        refused = {refusal: number for _, refusal, number in counts if refusal}
        skipped = {reason: number for reason, _, number in counts if reason}
        if malformed := self._malformed_lines(log, rows):
            refused[MALFORMED] = malformed
        added = Added(log.name, format_, True, rows + malformed, refused, skipped)
        candidates, lost = added.rows - sum(skipped.values()), sum(refused.values())
        if added.calls == 0 and not (skipped and not refused):
            raise UsageError(f"{log.name} has no usable call{_reasons(refused)}. Nothing was written.")
        if lost > MAX_REFUSED_SHARE * candidates and not self._accept_losses:
            raise UsageError(
                f"{log.name}: {lost:,} of {candidates:,} rows cannot be used{_reasons(refused)}. That is more than "
                f"{MAX_REFUSED_SHARE:.0%}, so nothing was written. To take in the others: --accept-losses"
            )
        return added

    def _malformed_lines(self, log: Log, rows: int) -> int:
        """Lines of a CSV that are in none of its rows: DuckDB lists them in a table of the last reads.

        An open quote takes in the lines after it, which are not listed; then all lines without a row count.
        """
        if log.kind != "csv":
            return 0
        last = "scan_id = (select max(scan_id) from reject_scans)"
        [(listed, has_open_quote)] = self._connection.execute(
            f"select count(distinct line), coalesce(bool_or(error_type = 'UNQUOTED VALUE'), false) "  # noqa: S608
            f"from reject_errors where {last}"
        ).fetchall()
        return max(int(listed), count_lines(log) - 1 - rows) if has_open_quote else int(listed)

    def _failed(self, log: Log, error: duckdb.Error) -> RouterscopeError:
        """The error without DuckDB's own message, which quotes lines of the log."""
        if isinstance(error, duckdb.OutOfMemoryException):
            return LakeError(f"{log.name} needs more than {MEMORY_LIMIT} of memory. Nothing of it was written.")
        if "No space left" in str(error):
            return LakeError(f"The disk is full: {log.name} was not written. Free some space, and run again.")
        return UsageError(
            f"{log.name} is damaged: it cannot be read to its end as {log.kind_in_words}. Nothing of it was "
            "written. Export it again."
        )


def _reasons(refused: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{reason}: {number:,}' for reason, number in refused.items())})" if refused else ""
