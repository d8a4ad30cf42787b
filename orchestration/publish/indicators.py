"""Indicators of a release, which Dagster plots across runs."""

from __future__ import annotations

import duckdb

from orchestration.storage.sql import rows_as_dicts

_INDICATORS = """
    WITH newest AS (
        SELECT * FROM traffic_summary WHERE period = 'day' ORDER BY period_start DESC LIMIT 28
    ),
    restated AS (
        SELECT sum(abs(change_tokens)) AS tokens FROM restatement
        WHERE slice = 'all' AND date >= (SELECT min(period_start) FROM newest)
    )
    SELECT
        (SELECT count(DISTINCT period_start) FROM share_model WHERE period = 'day') AS days_covered,
        max_by(total_tokens, period_start)::DOUBLE AS newest_day_tokens,
        max_by(other_share, period_start) AS newest_day_unlisted_share,
        max_by(priced_coverage, period_start) AS newest_day_priced_coverage,
        coalesce(any_value(restated.tokens), 0) / sum(total_tokens) AS restated_share_of_28_days,
        (SELECT coalesce(sum(requests), 0)::DOUBLE FROM share_app
            WHERE period = 'day' AND period_start = (SELECT max(period_start) FROM share_app WHERE period = 'day'))
            AS newest_day_app_requests,
        (SELECT count(*) FROM anomaly WHERE is_listed AND date >= (SELECT min(period_start) FROM newest))
            AS anomalies_of_28_days
    FROM newest, restated
"""


def indicators(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The indicators by name, from the published tables; those without a value are left out."""
    [row] = rows_as_dicts(connection.sql(_INDICATORS))
    return {name: float(value) for name, value in row.items() if value is not None}
