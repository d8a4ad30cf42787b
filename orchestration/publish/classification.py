"""How much of the last 28 days' tokens the seeds classify by open weights, size class and the author's country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

MAX_SAMPLE_ROWS = 20
# A model with at least this share of the tokens must be classified. Smaller ones are only listed.
MIN_SHARE = 0.01
_ATTRIBUTES = ("weights", "size_class", "author_country")
# Most models have no published size, so the size class may be unclassified.
_REQUIRED = ("weights", "author_country")
_DAYS = """
    SELECT period, period_start, total_tokens FROM traffic_summary
    WHERE period = 'day' AND period_start > (SELECT max(period_start) - 28 FROM traffic_summary WHERE period = 'day')
"""
_MODELS = f"""
    WITH days AS ({_DAYS})
    SELECT
        model_permaslug,
        sum(share_model.tokens)::BIGINT AS tokens,
        sum(share_model.tokens) / (SELECT sum(total_tokens) FROM days) AS share,
        any_value(model.weights) AS weights,
        any_value(model.size_class) AS size_class,
        coalesce(any_value(author.country), 'unclassified') AS author_country
    FROM share_model
    JOIN days USING (period, period_start)
    JOIN model USING (model_permaslug)
    JOIN author ON author.author = model.author
    GROUP BY model_permaslug
    ORDER BY tokens DESC
"""  # noqa: S608  # no input


@dataclass(frozen=True)
class Classification:
    """Share of the tokens whose model is classified, by attribute, and the models that lack an attribute."""

    shares: Mapping[str, float]
    unclassified_models: int
    # Those with the most tokens: model_permaslug, tokens, share, weights, size_class, author_country.
    sample: pa.Table
    is_complete: bool


def classify(connection: duckdb.DuckDBPyConnection) -> Classification:
    """The classification of a release's last 28 days.

    It is complete if no model with 1% or more of the tokens lacks weights or its author's country. Simulated data is
    always complete, because invented models cannot be classified.
    """
    models = connection.sql(_MODELS)
    [(is_simulated,)] = connection.sql("SELECT bool_or(scope_id = 'simulated') FROM traffic_summary").fetchall()
    shares = {
        name: float(models.filter(f"{name} <> 'unclassified'").aggregate("coalesce(sum(share), 0)").fetchall()[0][0])
        for name in _ATTRIBUTES
    }
    unclassified = models.filter(f"'unclassified' IN ({', '.join(_ATTRIBUTES)})")
    missing = models.filter(f"'unclassified' IN ({', '.join(_REQUIRED)}) AND share >= {MIN_SHARE}")
    return Classification(
        shares=shares,
        unclassified_models=len(unclassified.fetchall()),
        sample=unclassified.limit(MAX_SAMPLE_ROWS).to_arrow_table(),
        is_complete=bool(is_simulated) or not missing.fetchall(),
    )
