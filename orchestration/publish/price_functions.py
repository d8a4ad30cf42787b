"""The price functions of a release: DuckDB macros in the published file, with their documentation.

    cost_usd(prices, prompt_tokens, completion_tokens, cached_tokens := 0, …)   what a call costs, a decimal in USD
    price_on(model, day)                                                        the listed prices of a day, a table

The arithmetic of `cost_usd` is the dbt macro of the same name, from the manifest that callers pass in. Parameters have
no types, because DuckDB 1.2 knows none.
"""

from __future__ import annotations

from orchestration.publish.catalog import Manifest
from orchestration.storage.releases import Function

_COST = """
    cost_usd(
        prices, prompt_tokens, completion_tokens,
        cached_tokens := 0, cache_written_tokens := 0, searches := 0, time_utc := null
    ) as {expression}
"""
_ABOUT_COST = (
    "What a call costs in USD, as a decimal: cost_usd(prices, prompt_tokens, completion_tokens, cached_tokens := 0, "
    "cache_written_tokens := 0, searches := 0, time_utc := null). prices is the column of that name in price_current, "
    "price_history, price_endpoint or price_endpoint_history. prompt_tokens includes cached and cache-written tokens; "
    "completion_tokens includes reasoning. Null if a price that the call needs is unknown."
)
# The rules are those of price_basis in spend_model: the price known at the end of the day, or else the first one after.
_PRICE_ON = """
    price_on(model, day) as table
    with asked as (
        select
            cast(day as date) as date,
            cast(cast(day as date) + 1 as timestamp) as day_end,
            (
                select max(as_of) from provenance
                where surface = 'models' and as_of < cast(cast(day as date) + 1 as timestamp)
            ) as newest_as_of
    ),
    known as (
        select
            price_history.*,
            asked.date,
            case
                when valid_from >= day_end then 'backcast'
                when last_seen_at >= newest_as_of and epoch(day_end) - epoch(newest_as_of) < 48 * 3600 then 'observed'
                else 'carried'
            end as price_basis
        from price_history
        cross join asked
        where model_id = model or model_permaslug = model
        qualify
            row_number() over (
                partition by model_id
                order by
                    valid_from >= day_end,
                    case when valid_from < day_end then valid_from end desc,
                    valid_from
            ) = 1
    )
    select
        model_id,
        model_permaslug,
        date,
        price_basis,
        prompt_usd_per_mtok,
        completion_usd_per_mtok,
        cache_read_usd_per_mtok,
        cache_write_usd_per_mtok,
        is_free,
        is_dynamic,
        has_overrides,
        prices,
        valid_from,
        valid_to,
        not_before,
        last_seen_at,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from known
    order by model_id
"""
_ABOUT_PRICE_ON = (
    "The listed prices at the end of a day (UTC): price_on(model, day), where model is a model_id or a "
    "model_permaslug. price_basis is observed, carried (from an older list) or backcast (from the first list after the "
    "day). If the file is attached, select it first: use routerscope."
)

# The tables that each function reads, whose sources a query that calls it must cite.
TABLES_READ = {"price_on": ("price_history",)}


def price_functions(manifest: Manifest) -> list[Function]:
    """The functions of a release, with the arithmetic of the dbt macros in the manifest."""
    parameters = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_written_tokens", "searches", "time_utc")
    return [
        Function("cost_usd", _COST.format(expression=cost_expression(manifest, "prices", *parameters)), _ABOUT_COST),
        Function("price_on", _PRICE_ON, _ABOUT_PRICE_ON, is_table=True),
    ]


def cost_expression(manifest: Manifest, *arguments: str) -> str:
    """The SQL of the dbt macro cost_usd for these arguments, each an SQL expression."""
    from jinja2 import Environment  # slow to import, and commands that read releases do without it

    macros = "".join(
        macro["macro_sql"]
        for macro in manifest["macros"].values()
        if macro["original_file_path"].endswith("macros/cost.sql")
    )
    environment = Environment(autoescape=False)  # noqa: S701  # SQL of our own, not HTML
    return environment.from_string(f"{macros}{{{{ cost_usd(*arguments) }}}}").render(arguments=arguments)
