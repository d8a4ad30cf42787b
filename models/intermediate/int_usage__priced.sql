-- Usage of each model at list prices in each period that the source reports. Amounts are exact decimals, so that sums
-- do not depend on the order of rows.
with usage as (

    select * from {{ ref('int_rankings__latest') }}
    where slice = 'all' and not is_other

),

prices as (

    select * from {{ ref('int_usage__prices') }}

),

splits as (

    select * from {{ ref('int_usage__splits') }}

)

select
    usage.period,
    usage.period_start,
    usage.period_end,
    usage.model_permaslug,
    {{ base_slug('usage.model_permaslug') }} as base_slug,
    {{ variant('usage.model_permaslug') }} as variant,
    {{ author('usage.model_permaslug') }} as author,
    usage.tokens,
    prices.model_id,
    prices.price_class,
    prices.price_basis,
    prices.price_age_hours,
    prices.price_lag_days,
    prices.prompt_price,
    prices.completion_price,
    prices.cache_read_price,
    prices.endpoint_price_low,
    prices.endpoint_price_high,
    prices.price_source_url,
    prices.price_as_of,
    prices.price_oldest_as_of,
    prices.price_checked_at,
    prices.bounds_as_of,
    prices.bounds_oldest_as_of,
    prices.bounds_checked_at,
    prices.endpoint_as_of,
    prices.endpoint_oldest_as_of,
    prices.endpoint_checked_at,
    case when prices.price_class <> 'unpriced' then usage.tokens else 0 end as priced_tokens,
    case when prices.price_class <> 'unpriced' then usage.tokens * prices.price_low end as spend_low,
    case when prices.price_class <> 'unpriced' then usage.tokens * prices.price_high end as spend_high,
    usage.tokens * prices.endpoint_price_low as spend_endpoint_low,
    usage.tokens * prices.endpoint_price_high as spend_endpoint_high,
    usage.tokens * splits.single_price_low as spend_plausible_low,
    usage.tokens * splits.single_price_high as spend_plausible_high,
    usage.tokens * splits.mix_price_low as spend_mix_low,
    usage.tokens * splits.mix_price_central as spend_mix_central,
    usage.tokens * splits.mix_price_high as spend_mix_high
from usage
left join prices using (period, period_start, model_permaslug)
left join splits using (period, period_start, model_permaslug)
