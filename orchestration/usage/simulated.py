"""Simulated logs whose true cost is known: invented calls, charged at the endpoint prices of a release.

    <folder>/README.txt         says that nothing here is a real call
    <folder>/logs/…             the same calls in each format, as their sources export them
    <folder>/truth.parquet      a row for each call: what is in no log, such as its endpoint and its exact cost
    <folder>/summary.json       totals, and how the calls were drawn

Every id begins with `gen-simulated-`; a plain table has no ids, so its column `label` says it. Writing the files
belongs here. Which calls are drawn is in `simulated_calls`, and how a format is written in `simulated_formats`. They
share no code with the readers (`formats`), which are checked against them.

Each value is a hash of the seed and the number of the call. The same arguments give the same bytes, and a longer log
begins with the calls of a shorter one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from orchestration.errors import UsageError
from orchestration.storage.files import replace_when_complete, write_atomically
from orchestration.storage.sql import file_pattern, literal, rows_as_dicts
from orchestration.usage.simulated_calls import CALLS, MACROS, SLOTS
from orchestration.usage.simulated_formats import LOGS, MARK

MEMORY_LIMIT = "2GB"
_README = """SIMULATED: Routerscope invented every call in this folder. Nobody made these calls or paid for them.
The prices are those of a release of Routerscope. Ids begin with gen-simulated-.

logs/           the same calls in each format: add one of them with routerscope own add
truth.parquet   a row for each call, with its endpoint and its exact cost
summary.json    totals, and how the calls were drawn
"""
_SUMMARY = """
    select
        count(*) as calls,
        count(*) filter (is_failed) as failed_calls,
        count(*) filter (is_own_key) as own_key_calls,
        cast(sum(prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(cached_tokens) as bigint) as cached_tokens,
        cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
        cast(sum(completion_tokens) as bigint) as completion_tokens,
        cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
        sum(searches) as searches,
        cast(sum(cost_usd) as varchar) as cost_usd,
        cast(sum(charged_usd) as varchar) as charged_usd,
        cast(sum(upstream_usd) as varchar) as upstream_usd,
        cast(min(called_at) as varchar) as first_call_at,
        cast(max(called_at) as varchar) as last_call_at
    from truth
"""
ALL = tuple(LOGS)


@dataclass(frozen=True)
class Draw:
    """Which calls are drawn: of these models (all, if none is named), from `since` until before `until`.

    `own_key_share` and `failed_share` are shares of the calls, `search_share` is one of those that may have searched:
    their endpoint has a price for it, and the key is OpenRouter's. Only the log of generations reports what searches
    cost. OpenRouter charges `own_key_fee` × the cost of a call with an own key. Tiny calls have a few tokens, so that
    much of their charge is cut off.
    """

    model_ids: tuple[str, ...] = ()
    since: dt.datetime = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    until: dt.datetime = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
    own_key_share: float = 0.05
    own_key_fee: Decimal = Decimal(0)
    failed_share: float = 0.005
    search_share: float = 0.01
    is_tiny: bool = False


EVERYTHING = Draw()


def write_logs(
    release: Path, folder: Path, calls: int, seed: int, formats: Sequence[str] = ALL, draw: Draw = EVERYTHING
) -> Path:
    """Draw calls from the prices of a release and write them to a folder, in these formats; returns the folder.

    `release` is a routerscope.duckdb. Columns of the truth: id, called_at (UTC), model_permaslug, base_slug, variant,
    model_id, provider_name, endpoint_tag, valid_from (of the price), prompt_tokens, cached_tokens, cache_write_tokens,
    completion_tokens, reasoning_tokens, searches, cost_usd (exact, 0 if the call failed), cache_usd (relative to the
    prompt price) and search_usd (parts of the cost), charged_usd (by OpenRouter) and upstream_usd (by the provider, to
    an own key), both cut to 6 decimals, is_own_key, is_failed.

    Raises UsageError if a format is unknown, the release cannot be read, or it has no price for such calls.
    """
    if unknown := sorted(set(formats) - set(LOGS)):
        raise UsageError(f"{unknown[0]!r} is no format. Nothing was written. Formats: {', '.join(ALL)}")
    if calls < 1:
        raise UsageError(f"{calls} calls cannot be drawn. Nothing was written. Draw at least 1.")
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    with _connection(release, folder, seed) as connection:
        slots = _fill_slots(connection, release, draw)
        # With the arguments, because logs of other arguments are other calls.
        run = hashlib.sha256(f"{seed} {draw!r}".encode()).hexdigest()[:8]
        _copy(
            connection,
            CALLS,
            folder / "truth.parquet",
            "format parquet, compression zstd",
            {
                "calls": calls,
                "slots": slots,
                "prefix": f"{MARK}{run}-",
                "failed_share": draw.failed_share,
                "search_share": draw.search_share,
                "own_key_share": draw.own_key_share,
                "own_key_fee": draw.own_key_fee,
                "is_tiny": draw.is_tiny,
            },
        )
        truth = literal(file_pattern(folder / "truth.parquet"))
        connection.execute(f"create temp view truth as from read_parquet({truth})")
        for name in formats:
            file, options, query = LOGS[name]
            _copy(connection, query, folder / "logs" / file, options)
        [totals] = rows_as_dicts(connection.sql(_SUMMARY))
    summary = {"is_simulated": True, "seed": seed, "draw": asdict(draw), "formats": list(formats), **totals}
    write_atomically(folder / "summary.json", json.dumps(summary, indent=2, default=str).encode() + b"\n")
    write_atomically(folder / "README.txt", _README.encode())
    return folder


@contextlib.contextmanager
def _connection(release: Path, folder: Path, seed: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in UTC with the release attached; rows keep the order of the calls."""
    with duckdb.connect() as connection:
        connection.execute(
            f"set TimeZone = 'UTC'; set memory_limit = '{MEMORY_LIMIT}'; "
            f"set temp_directory = {literal(folder / '.spill')}; set preserve_insertion_order = true; "
            # Otherwise, the order of a join depends on which side is smaller.
            "set disabled_optimizers = 'join_order,build_side_probe_side'"
        )
        connection.execute(MACROS.format(seed=int(seed)))
        try:
            connection.execute(f"attach {literal(release)} as release (read_only)")
        except duckdb.Error as error:
            raise UsageError(f"{release} cannot be read as a release. No log was written.") from error
        yield connection


def _fill_slots(connection: duckdb.DuckDBPyConnection, release: Path, draw: Draw) -> int:
    connection.execute(
        SLOTS,
        {
            "models": list(draw.model_ids),
            "since": int(draw.since.timestamp() * 1000),
            "until": int(draw.until.timestamp() * 1000),
        },
    )
    [(slots,)] = connection.execute("select count(*) from slots").fetchall()
    if not slots:
        raise UsageError(
            f"{release} has no price of a text model for these models and this time. No log was written. Choose other "
            "models, or a longer time."
        )
    return int(slots)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    target: Path,
    options: str,
    values: Mapping[str, object] | None = None,
) -> None:
    with replace_when_complete(target) as temporary:
        connection.execute(f"copy ({query}) to {literal(temporary)} ({options})", values)
