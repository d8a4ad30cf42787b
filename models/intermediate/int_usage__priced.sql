-- Usage of each model in each period that the source gives, at the prices of the period's days: the mean of what was
-- listed at the end of each, and the least and the greatest that held in any. A day is a period of one day.
-- Amounts are exact decimals, so that sums do not depend on the order of rows.
with usage as (

    select * from {{ ref('int_rankings__latest') }}
    where slice = 'all' and not is_other

),

daily as (

    select * from {{ ref('int_prices__daily') }}

),

box as (

    select * from {{ ref('int_assumptions__corners') }}
    where level = 'model'

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
        }.items() -%}
            {{ mean_price("case daily.price_class when 'free' then 0 when 'paid' then " ~ price ~ ' end') }}
                as mean_{{ name }}_price,
        {% endfor -%}
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

plausible as (

    select
        prices.period,
        prices.period_start,
        prices.model_permaslug,
        min(prices.box_price) as plausible_price_low,
        max(prices.box_price) as plausible_price_high
    from (
        select
            over_days.period,
            over_days.period_start,
            over_days.model_permaslug,
            case
                when over_days.price_class <> 'unpriced' then {{ blended(
                    'over_days.mean_prompt_price', 'over_days.mean_completion_price', 'over_days.mean_cache_read_price',
                    'box.completion_share', 'box.cached_share'
                ) }}
            end as box_price
        from over_days
        cross join box
    ) as prices
    group by all

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
    over_days.* exclude (period, period_start, model_permaslug, price_low, price_high),
    case when over_days.price_class <> 'unpriced' then usage.tokens else 0 end as priced_tokens,
    case when over_days.price_class <> 'unpriced' then usage.tokens * over_days.price_low end as spend_low,
    case when over_days.price_class <> 'unpriced' then usage.tokens * over_days.price_high end as spend_high,
    usage.tokens * over_days.endpoint_price_low as spend_endpoint_low,
    usage.tokens * over_days.endpoint_price_high as spend_endpoint_high,
    usage.tokens * plausible.plausible_price_low as spend_plausible_low,
    usage.tokens * plausible.plausible_price_high as spend_plausible_high
from usage
left join over_days using (period, period_start, model_permaslug)
left join plausible using (period, period_start, model_permaslug)
