"""What is stored of a user's logs, by source. What the calls cost is dbt's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestration.errors import UsageError
from orchestration.storage.sql import file_pattern, literal, rows_as_dicts
from orchestration.usage.privacy import private_connection

# A call may be in several logs and in several sources; within a source, it counts once.
_BY_SOURCE = """
    with usable as (
        select *, coalesce(hex(call_id), concat(raw_file, file_row_number)) as key
        from stored
        where skipped is null and refusal is null
    ),
    once as (
        select * from usable
        qualify row_number() over (partition by source, key order by updated_at desc nulls last, raw_file) = 1
    ),
    of_rows as (
        select
            source,
            count(distinct raw_file) as logs,
            count(*) as rows,
            count(*) filter (skipped is not null) as skipped_rows,
            count(*) filter (refusal is not null) as refused_rows
        from stored
        group by source
    )
    select
        source,
        any_value(of_rows.logs) as logs,
        any_value(of_rows.rows) as rows,
        any_value(of_rows.skipped_rows) as skipped_rows,
        any_value(of_rows.refused_rows) as refused_rows,
        cast(sum(once.calls) as bigint) as calls,
        cast(min(once.called_at) as date) as first_date,
        cast(max(once.called_at) as date) as last_date,
        count(distinct once.model) as models,
        cast(sum(once.prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(once.completion_tokens) as bigint) as completion_tokens,
        sum(once.charged_usd) as charged_usd
    from of_rows
    left join once using (source)
    group by source
    order by source
"""


def stored_sources(data: Path) -> list[dict[str, Any]]:
    """A row for each source: its logs and rows, and calls, days, models, tokens and charges, each call once.

    Columns: source, logs, rows, skipped_rows, refused_rows, calls, first_date, last_date, models, prompt_tokens,
    completion_tokens, charged_usd (null if the source reports none). Raises UsageError if no log was added.
    """
    raw = data / "own" / "raw"
    if not any(raw.glob("*/*.parquet")):
        raise UsageError(f"{data} has no log of own usage. Add one: routerscope own add FILE")
    files = literal(f"{file_pattern(raw)}/*/*.parquet")
    with private_connection(data / "own") as connection:
        connection.execute(
            "create view stored as select *, filename as raw_file from "  # noqa: S608  # a literal
            f"read_parquet({files}, filename = true, file_row_number = true)"
        )
        return rows_as_dicts(connection.sql(_BY_SOURCE))
