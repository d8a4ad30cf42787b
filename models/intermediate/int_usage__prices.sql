-- Prices of each model over the days of each period that the source reports: the mean of the prices listed at the end
-- of each day, and the lowest and highest price that may have been valid on any day.
with usage as (

    select
        *,
        {{ days_between('period_start', 'period_end') }} as date
    from {{ ref('int_rankings__latest') }}
    where slice = 'all' and not is_other

),

daily as (

    select * from {{ ref('int_prices__daily') }}

)

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
    -- If one day has no sweep of endpoints, the price of the whole period is unknown.
    case when count(daily.endpoint_price_low) = count(*) then min(daily.endpoint_price_low) end
        as endpoint_price_low,
    case when count(daily.endpoint_price_low) = count(*) then max(daily.endpoint_price_high) end
        as endpoint_price_high,
    max(daily.price_source_url) as price_source_url,
    {{ newest_times('daily.price_as_of', 'daily.price_as_of', 'daily.price_checked_at', prefix='price_') }},
    {{ newest_times('daily.bounds_as_of', 'daily.bounds_oldest_as_of', 'daily.bounds_checked_at', prefix='bounds_') }},
    case when count(daily.endpoint_as_of) = count(*) then max(daily.endpoint_as_of) end as endpoint_as_of,
    case when count(daily.endpoint_as_of) = count(*) then min(daily.endpoint_oldest_as_of) end
        as endpoint_oldest_as_of,
    max_by(daily.endpoint_checked_at, (daily.endpoint_as_of, daily.endpoint_checked_at)) as endpoint_checked_at
from usage
inner join daily on usage.model_permaslug = daily.model_permaslug and usage.date = daily.date
group by usage.period, usage.period_start, usage.model_permaslug
