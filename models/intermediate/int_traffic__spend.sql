-- What the traffic of each day, week and month costs at list prices: under any split of tokens, under one that is
-- plausible for all traffic, and under the central one.
with usage as (

    select * from {{ ref('int_usage__spans') }}

),

corners as (

    select * from {{ ref('int_assumptions__corners') }}
    where level = 'total'

),

listed as (

    select
        span as period,
        span_start as period_start,
        sum(tokens) as named_tokens,
        sum(priced_tokens) as priced_tokens,
        coalesce(sum(tokens) filter (where price_class = 'paid'), 0) as paid_tokens,
        cast(sum(spend_low) as double) as spend_low,
        cast(sum(spend_high) as double) as spend_high,
        {{ provenance_of_priced() }}
    from usage
    group by span, span_start

),

-- One split of tokens for all traffic, at each corner of its box and at its central point.
by_corner as (

    select
        usage.span as period,
        usage.span_start as period_start,
        corners.corner,
        cast(
            sum(
                usage.priced_tokens * {{ blended(
                    'usage.mean_prompt_price', 'usage.mean_completion_price', 'usage.mean_cache_read_price',
                    'corners.completion_share', 'corners.cached_share'
                ) }}
            ) as double
        ) as spend
    from usage
    cross join corners
    where usage.priced_tokens > 0
    group by usage.span, usage.span_start, corners.corner

),

plausible as (

    select
        period,
        period_start,
        min(spend) as spend_plausible_low,
        max(spend) as spend_plausible_high,
        max(spend) filter (where corner = 'central / central') as spend_central
    from by_corner
    group by period, period_start

)

select
    listed.period,
    listed.period_start,
    listed.named_tokens,
    listed.priced_tokens,
    listed.paid_tokens,
    listed.spend_low,
    listed.spend_high,
    plausible.spend_plausible_low,
    plausible.spend_plausible_high,
    plausible.spend_central,
    1000000 * plausible.spend_central / nullif(listed.priced_tokens, 0) as usd_per_mtok_central,
    listed.scope_id,
    listed.source_url,
    listed.as_of,
    listed.oldest_as_of,
    listed.checked_at
from listed
left join plausible using (period, period_start)
