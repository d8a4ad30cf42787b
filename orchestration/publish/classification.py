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
    select period, period_start, total_tokens from traffic_summary
    where period = 'day' and period_start > (select max(period_start) - 28 from traffic_summary where period = 'day')
"""
_MODELS = f"""
    with days as ({_DAYS})
    select
        model_permaslug,
        sum(share_model.tokens)::bigint as tokens,
        sum(share_model.tokens) / (select sum(total_tokens) from days) as share,
        any_value(model.weights) as weights,
        any_value(model.size_class) as size_class,
        coalesce(any_value(author.country), 'unclassified') as author_country
    from share_model
    join days using (period, period_start)
    join model using (model_permaslug)
    join author on author.author = model.author
    group by model_permaslug
    order by tokens desc
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
    always complete, because there is no evidence about invented models.
    """
    models = connection.sql(_MODELS)
    [(is_simulated,)] = connection.sql("select bool_or(scope_id = 'simulated') from traffic_summary").fetchall()
    shares = {
        name: float(models.filter(f"{name} <> 'unclassified'").aggregate("coalesce(sum(share), 0)").fetchall()[0][0])
        for name in _ATTRIBUTES
    }
    unclassified = models.filter(f"'unclassified' in ({', '.join(_ATTRIBUTES)})")
    missing = models.filter(f"'unclassified' in ({', '.join(_REQUIRED)}) and share >= {MIN_SHARE}")
    return Classification(
        shares=shares,
        unclassified_models=len(unclassified.fetchall()),
        sample=unclassified.limit(MAX_SAMPLE_ROWS).to_arrow_table(),
        is_complete=bool(is_simulated) or not missing.fetchall(),
    )
