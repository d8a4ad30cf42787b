"""Indicators of a release, which Dagster plots across runs."""

from __future__ import annotations

import duckdb

from orchestration.storage.sql import rows_as_dicts

_INDICATORS = """
    with newest as (
        select * from traffic_summary where period = 'day' order by period_start desc limit 28
    ),
    restated as (
        select sum(abs(change_tokens)) as tokens from restatement
        where slice = 'all' and date >= (select min(period_start) from newest)
    )
    select
        (select count(distinct period_start) from share_model where period = 'day') as days_covered,
        max_by(total_tokens, period_start)::double as newest_day_tokens,
        max_by(other_share, period_start) as newest_day_unlisted_share,
        max_by(priced_coverage, period_start) as newest_day_priced_coverage,
        coalesce(any_value(restated.tokens), 0) / sum(total_tokens) as restated_share_of_28_days,
        (select coalesce(sum(requests), 0)::double from share_app
            where period = 'day' and period_start = (select max(period_start) from share_app where period = 'day'))
            as newest_day_app_requests,
        (select count(*) from anomaly where is_listed and date >= (select min(period_start) from newest))
            as anomalies_of_28_days
    from newest, restated
"""


def indicators(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The indicators by name, from the published tables; those without a value are left out."""
    [row] = rows_as_dicts(connection.sql(_INDICATORS))
    return {name: float(value) for name, value in row.items() if value is not None}
