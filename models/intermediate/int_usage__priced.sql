-- Usage of each model in each period that the source gives, at the prices of the period's days: the mean of what was
-- listed at the end of each, and the least and the greatest that can have been valid on any. Amounts are exact
-- decimals, so that sums do not depend on the order of rows.
with usage as (

    select * from {{ ref('int_rankings__latest') }}
    where slice = 'all' and not is_other

),

daily as (

    select * from {{ ref('int_prices__daily') }}

),

corners as (

    select * from {{ ref('int_token_mix__corners') }}

),

over_days as (

    select
        usage.period,
        usage.period_start,
        usage.model_permaslug,
        max_by(daily.model_id, daily.date) as model_id,
        max_by(daily.price_class, daily.date) as price_class,
        {{ least_certain_basis('daily.price_basis') }} as price_basis,
        max(daily.price_age_hours) as price_age_hours,
        max(daily.price_lag_days) as price_lag_days,
        {% for name in ['prompt', 'completion', 'cache_read'] -%}
            max(daily.{{ name }}_price) filter (where daily.date = usage.period_end) as {{ name }}_price,
        {% endfor -%}
        {% for name, price in {
            'prompt': 'daily.prompt_price',
            'completion': 'daily.completion_price',
            'cache_read': 'coalesce(daily.cache_read_price, daily.prompt_price)',
            'input_high': 'greatest(daily.prompt_price, daily.cache_write_price)',
            'cached_high': 'coalesce(daily.cache_read_price, greatest(daily.prompt_price, daily.cache_write_price))',
        }.items() -%}
            {{ mean_price("case daily.price_class when 'free' then 0 when 'paid' then " ~ price ~ ' end') }}
                as mean_{{ name }}_price,
        {% endfor -%}
        coalesce(max_by(daily.first_prompt_price, daily.date) filter (where daily.first_prompt_price > 0), 0)
            as first_prompt_price,
        min(daily.price_low) as price_low,
        max(daily.price_high) as price_high,
        -- Of a day without an observation of the endpoints nothing is known.
        case when count(daily.endpoint_price_low) = count(*) then min(daily.endpoint_price_low) end
            as endpoint_price_low,
        case when count(daily.endpoint_price_low) = count(*) then max(daily.endpoint_price_high) end
            as endpoint_price_high,
        max(daily.price_source_url) as price_source_url,
        max(daily.price_as_of) as price_as_of,
        min(daily.price_as_of) as price_oldest_as_of,
        max_by(daily.price_fetched_at, (daily.price_as_of, daily.price_fetched_at)) as price_fetched_at,
        max(daily.bounds_as_of) as bounds_as_of,
        min(daily.bounds_oldest_as_of) as bounds_oldest_as_of,
        max_by(daily.bounds_fetched_at, (daily.bounds_as_of, daily.bounds_fetched_at)) as bounds_fetched_at,
        case when count(daily.endpoint_as_of) = count(*) then max(daily.endpoint_as_of) end as endpoint_as_of,
        case when count(daily.endpoint_as_of) = count(*) then min(daily.endpoint_oldest_as_of) end
            as endpoint_oldest_as_of,
        max_by(daily.endpoint_fetched_at, (daily.endpoint_as_of, daily.endpoint_fetched_at)) as endpoint_fetched_at
    from usage
    inner join daily
        on
            usage.model_permaslug = daily.model_permaslug
            and daily.date between usage.period_start and usage.period_end
    group by usage.period, usage.period_start, usage.model_permaslug

),

-- A token at each corner of the box of single models, and of the box of the class that the model's first price is in.
-- Where caches are in use, as they are in every class, input that is not read from one may have been written to it.
at_corners as (

    select
        over_days.period,
        over_days.period_start,
        over_days.model_permaslug,
        corners.mix_class = 'single_model' as is_single_model,
        corners.corner = 'central / central' as is_central,
        {{ blended(
            'over_days.mean_prompt_price', 'over_days.mean_completion_price', 'over_days.mean_cache_read_price',
            'corners.completion_share', 'corners.cached_share'
        ) }} as price,
        {{ blended(
            'over_days.mean_input_high_price', 'over_days.mean_completion_price', 'over_days.mean_cached_high_price',
            'corners.completion_share', 'corners.cached_share'
        ) }} as price_high
    from over_days
    inner join corners
        on
            corners.mix_class = 'single_model'
            or (
                over_days.first_prompt_price * 1000000 >= corners.at_least_usd_per_mtok
                and (
                    corners.below_usd_per_mtok is null
                    or over_days.first_prompt_price * 1000000 < corners.below_usd_per_mtok
                )
            )
    where over_days.price_class <> 'unpriced'

),

plausible as (

    select
        period,
        period_start,
        model_permaslug,
        min(price) filter (where is_single_model) as single_price_low,
        max(price) filter (where is_single_model) as single_price_high,
        min(price) filter (where not is_single_model) as mix_price_low,
        max(price) filter (where is_central) as mix_price_central,
        max(price_high) filter (where not is_single_model) as mix_price_high
    from at_corners
    group by period, period_start, model_permaslug

)

select
    usage.period,
    usage.period_start,
    usage.period_end,
    usage.model_permaslug,
    usage.base_slug,
    usage.variant,
    usage.author,
    usage.tokens,
    over_days.* exclude (
        period, period_start, model_permaslug, first_prompt_price, price_low, price_high,
        mean_prompt_price, mean_completion_price, mean_cache_read_price, mean_input_high_price, mean_cached_high_price
    ),
    case when over_days.price_class <> 'unpriced' then usage.tokens else 0 end as priced_tokens,
    case when over_days.price_class <> 'unpriced' then usage.tokens * over_days.price_low end as spend_low,
    case when over_days.price_class <> 'unpriced' then usage.tokens * over_days.price_high end as spend_high,
    usage.tokens * over_days.endpoint_price_low as spend_endpoint_low,
    usage.tokens * over_days.endpoint_price_high as spend_endpoint_high,
    usage.tokens * plausible.single_price_low as spend_plausible_low,
    usage.tokens * plausible.single_price_high as spend_plausible_high,
    usage.tokens * plausible.mix_price_low as spend_mix_low,
    usage.tokens * plausible.mix_price_central as spend_mix_central,
    usage.tokens * plausible.mix_price_high as spend_mix_high
from usage
left join over_days using (period, period_start, model_permaslug)
left join plausible using (period, period_start, model_permaslug)
