"""The summary of a release: the newest day's leading models and claim, and whether the day looks incomplete."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from orchestration.access.summary import Leader, summary_of
from orchestration.errors import QueryError


def test_summary_is_of_the_newest_day(tmp_path: Path) -> None:
    file = tmp_path / "release.duckdb"
    with duckdb.connect(str(file)) as release:
        release.execute(
            "create table share_model as select 'day' as period, date '2026-08-01' + day::int as period_start, "
            "timestamp '2026-08-07' as as_of, 'simulated' as scope_id, rank, 'a/' || rank as model_permaslug, "
            "0.5 / rank as share from unnest([0, 2]) as days (day), unnest([2, 1]) as ranks (rank)"
        )
        release.execute(
            "create table spend_model as select period, period_start, model_permaslug, 1.5 as prompt_usd_per_mtok, "
            "null::double as completion_usd_per_mtok from share_model"
        )
        release.execute(
            "create table claim as select 'day' as period, date '2026-08-03' as period_start, kind, kind as statement, "
            "'Cited.' as citation from unnest(['a_kind', 'leading_model']) as kinds (kind)"
        )
        release.execute(
            "create table coverage as select 'rankings_export' as surface, 'all' as slice, date '2026-08-03' as date, "
            "true as is_suspect, 'few tokens' as suspect_reason"
        )
    found = summary_of(file)
    assert (found.first_day, found.last_day, found.days) == (dt.date(2026, 8, 1), dt.date(2026, 8, 3), 2)
    assert found.leaders == [Leader(1, "a/1", 0.5, 1.5, None), Leader(2, "a/2", 0.25, 1.5, None)]
    assert (found.claim, found.suspect_reason) == ("leading_model Cited.", "few tokens")
    assert (found.as_of, found.is_simulated) == (dt.datetime(2026, 8, 7), True)  # noqa: DTZ001  # as DuckDB returns it


def test_damaged_release_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "release.duckdb").write_bytes(b"garbage" * 1000)
    with pytest.raises(QueryError, match="the published release, cannot be read"):
        summary_of(tmp_path / "release.duckdb")
