"""Read the marts about a user's own calls: what was paid and why, the same tokens elsewhere, and the mix.

Figures of several sources are never added up, because their calls may be the same. How the marts are made is in
`build` and models/own; how they are printed is up to the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import UsageError
from orchestration.storage.releases import FILE_NAME, Releases
from orchestration.storage.sql import literal, rows_as_dicts
from orchestration.usage.build import own_file

MAX_ALTERNATIVES = 5
MAX_MEMBERS = 8
# Share of the calls that must fit into the context window, and of the tokens that must have a known price.
MIN_FITTING_SHARE = 0.99
MIN_PRICE_COVERAGE = 0.95


@dataclass(frozen=True)
class OwnMarts:
    """The marts open for reading, with the release that is published now attached as `release`."""

    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        return rows_as_dicts(self.connection.execute(sql, parameters))


@contextmanager
def open_own(data: Path) -> Iterator[OwnMarts]:
    """Open the published marts of a data folder. Raises UsageError if there are none that can be read."""
    file = own_file(data)
    try:
        connection = duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        raise UsageError(f"{file} cannot be read. Build it: routerscope own --data {data}") from error
    with connection:
        release = Releases(data).current / FILE_NAME
        connection.execute(f"set TimeZone = 'UTC'; attach {literal(release)} as release (read_only)")
        yield OwnMarts(connection)


_TOTALS = """
    select
        usage.source,
        min(usage.date) as first_date,
        max(usage.date) as last_date,
        count(distinct usage.model_permaslug) as models,
        cast(sum(calls) as bigint) as calls,
        cast(sum(failed_calls) as bigint) as failed_calls,
        cast(sum(prompt_tokens) as bigint) as prompt_tokens,
        cast(sum(cached_tokens) as bigint) as cached_tokens,
        cast(sum(completion_tokens) as bigint) as completion_tokens,
        sum(charged_usd) as charged_usd,
        sum(upstream_usd) filter (usage.is_own_key) as upstream_usd,
        sum(paid_usd) as paid_usd,
        cast(coalesce(sum(calls) filter (cost_basis = 'unknown'), 0) as bigint) as calls_without_cost,
        cast(coalesce(sum(calls) filter (cached_tokens is null), 0) as bigint) as calls_without_cache,
        sum(list_usd) as list_usd,
        cast(coalesce(sum(calls) filter (list_usd is not null), 0) as bigint) as calls_with_list_price,
        cast(coalesce(sum(calls) filter (endpoint_usd is not null), 0) as bigint) as calls_with_endpoint_price,
        cast(coalesce(sum(calls) filter (endpoint_low_usd is not null), 0) as bigint) as calls_with_endpoint_range,
        sum(endpoint_usd) as endpoint_usd,
        sum(endpoint_low_usd) as endpoint_low_usd,
        sum(endpoint_high_usd) as endpoint_high_usd,
        sum(endpoint_usd - list_usd) as endpoint_over_list_usd,
        sum(residual_usd) as residual_usd,
        sum(cache_saved_usd) as cache_saved_usd,
        sum(tier_extra_usd) as tier_extra_usd,
        sum(fee_usd) as fee_usd,
        cast(coalesce(sum(calls) filter (tag is not null), 0) as bigint) as calls_with_tag,
        min(price_as_of) as oldest_price_as_of,
        max(price_as_of) as newest_price_as_of,
        string_agg(distinct price_basis, ', ' order by price_basis) as price_bases,
        string_agg(distinct endpoint_price_basis, ', ' order by endpoint_price_basis)
            filter (endpoint_price_basis <> 'none') as endpoint_price_bases
    from own_usage as usage
    left join own_cost as cost
        on
            usage.date = cost.date
            and usage.model_permaslug = cost.model_permaslug
            and usage.source = cost.source
            and usage.is_own_key = cost.is_own_key
            and usage.provider_name is not distinct from cost.provider_name
            and usage.label is not distinct from cost.label
    group by usage.source
    order by usage.source <> 'openrouter', usage.source
"""
_CHECKS = """
    select
        "check",
        cast(sum(rows) as bigint) as rows,
        cast(sum(calls) as bigint) as calls,
        cast(sum(tokens) as bigint) as tokens,
        sum(usd) as usd
    from own_check
    where source = $source
    group by "check"
    order by "check"
"""
_UNMATCHED = """
    select
        model_permaslug as name,
        cast(sum(calls) as bigint) as calls
    from own_usage
    where source = $source and match_reason = 'unmatched'
    group by model_permaslug
    order by calls desc, name
    limit $limit
"""
_LARGEST_MODEL = """
    select
        model_permaslug as from_model,
        sum(paid_usd) as paid_usd
    from own_usage
    where source = $source and model_id is not null
    group by model_permaslug
    having sum(paid_usd) > 0
    order by sum(paid_usd) desc, model_permaslug
    limit 1
"""
# One offer for each model, its cheapest. Free variants have limits that production does not fit into.
_ALTERNATIVES = """
    select alternatives.*
    from own_alternative as alternatives
    left join release.model as models on alternatives.from_model = models.model_permaslug
    where
        source = $source
        and period = 'all'
        and from_model = $from_model
        and public_rank is not null
        and not ends_with(to_model_id, ':free')
        and same_tokens_usd > 0
        and coalesce(context_fits_share, 1) >= $min_fitting  -- unknown if the log adds calls up
        and price_coverage >= $min_coverage
        and to_model_id is distinct from models.model_id
    qualify row_number() over (partition by to_model_id order by same_tokens_usd, tag nulls first) = 1
    order by same_tokens_usd, to_model_id
    limit $limit
"""
# The newest month that the router's figures cover, or else the newest week.
_MIX = """
    with newest as (
        select period, period_start
        from own_mix
        where source = $source and public_as_of is not null
        order by period = 'month' desc, period_start desc
        limit 1
    )
    select own_mix.*
    from own_mix
    inner join newest using (period, period_start)
    where source = $source and dimension = $dimension
    order by own_rank, member
    limit $limit
"""
_WHAT_IF = """
    select *
    from own_alternative
    where
        source = $source
        and period = 'all'
        and to_model_id = $model
        and tag is not distinct from nullif($tag, '')
    order by paid_usd desc nulls last, from_model
"""
_OFFERS = "select distinct tag from own_alternative where to_model_id = $model order by tag nulls first"
_CALL_SHAPES = """
    select
        model_permaslug,
        max(model_id) as model_id,
        cast(sum(calls) as bigint) as calls,
        cast(round(sum(prompt_tokens) / sum(calls)) as bigint) as prompt_tokens,
        cast(round(coalesce(sum(cached_tokens), 0) / sum(calls)) as bigint) as cached_tokens,
        cast(round(sum(completion_tokens) / sum(calls)) as bigint) as completion_tokens
    from own_usage
    where source = $source and model_permaslug = $from_model
    group by model_permaslug
"""


def summary(marts: OwnMarts) -> list[dict[str, Any]]:
    """What a person wants to know, for each source: totals and, as lists of rows, checks, names that match no model,
    the cheapest other models for the model that cost most, and the mix beside the router's in its newest period."""
    found = marts.rows(_TOTALS)
    for one in found:
        source = one["source"]
        largest = largest_model(marts, source)
        one["checks"] = marts.rows(_CHECKS, source=source)
        one["unmatched"] = marts.rows(_UNMATCHED, source=source, limit=MAX_MEMBERS)
        one["largest_model"] = largest
        one["alternatives"] = alternatives(marts, source, largest["from_model"]) if largest else []
        one["mix"] = [
            row
            for dimension in ("model", "weights")
            for row in marts.rows(_MIX, source=source, dimension=dimension, limit=MAX_MEMBERS)
        ]
    return found


def largest_model(marts: OwnMarts, source: str) -> dict[str, Any] | None:
    """The model that cost most in a source (`from_model`, `paid_usd`); None if none has a price."""
    return next(iter(marts.rows(_LARGEST_MODEL, source=source)), None)


def alternatives(marts: OwnMarts, source: str, from_model: str, limit: int = MAX_ALTERNATIVES) -> list[dict[str, Any]]:
    """The cheapest rows of own_alternative for a model, of ranked models that are not free and that its calls fit."""
    return marts.rows(
        _ALTERNATIVES,
        source=source,
        from_model=from_model,
        min_fitting=MIN_FITTING_SHARE,
        min_coverage=MIN_PRICE_COVERAGE,
        limit=limit,
    )


def what_if(marts: OwnMarts, model: str, tag: str = "") -> dict[str, list[dict[str, Any]]]:
    """Source → the rows of own_alternative with the user's models at the prices of this model, or of one endpoint.

    Raises UsageError if the release lists no such model or endpoint now.
    """
    offers = [row["tag"] for row in marts.rows(_OFFERS, model=model)]
    if not offers:
        raise UsageError(
            f"{model!r} is no model that the release lists now, or none of your calls could be sent to it. Find its "
            "id: routerscope find"
        )
    if (tag or None) not in offers:
        known = ", ".join(filter(None, offers)) or "none"
        raise UsageError(f"{model} has no {f'endpoint {tag!r}' if tag else 'listed price'}. Its endpoints: {known}")
    sources = [row["source"] for row in marts.rows("select distinct source from own_usage order by source")]
    return {source: marts.rows(_WHAT_IF, source=source, model=model, tag=tag) for source in sources}


def call_shape(marts: OwnMarts, source: str, from_model: str) -> dict[str, Any]:
    """The mean call of a model: calls, and prompt, cached and completion tokens of one call."""
    return marts.rows(_CALL_SHAPES, source=source, from_model=from_model)[0]
