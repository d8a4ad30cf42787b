-- Lowest and highest token price of any endpoint of an id that may have been valid on a day, across all providers,
-- service tiers and overrides. Listed prices include discounts. Sweeps are about a day apart, so a price in the newest
-- response of the day before may have lasted into the day, and a price in the oldest response of the day after may have
-- started on it. Other responses do not count.
with endpoints as (

    select * from {{ ref('stg_openrouter__endpoints') }}
    -- 404 means that the model has no endpoints; any other failure proves nothing.
    where http_status in (200, 404)

),

responses as (

    select
        model_id,
        raw_file,
        as_of,
        fetched_at,
        cast(as_of as date) as date,
        min({{ extreme_token_price('list_min') }}) as endpoint_price_low,
        max({{ extreme_token_price('list_max') }}) as endpoint_price_high,
        count(endpoint_no) as endpoints
    from endpoints
    group by model_id, raw_file, as_of, fetched_at

),

placed as (

    select
        *,
        as_of = min(as_of) over of_day as is_oldest,
        as_of = max(as_of) over of_day as is_newest
    from responses
    window of_day as (partition by model_id, date)

),

by_day as (

    {% for day, condition in {'date - 1': 'is_oldest', 'date': 'true', 'date + 1': 'is_newest'}.items() -%}
        select
            model_id,
            {{ day }} as date,
            endpoint_price_low,
            endpoint_price_high,
            as_of,
            fetched_at
        from placed
        where {{ condition }} and endpoints > 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    model_id,
    date,
    min(endpoint_price_low) as endpoint_price_low,
    max(endpoint_price_high) as endpoint_price_high,
    {{ newest_times('as_of', 'as_of', 'fetched_at') }}
from by_day
group by model_id, date
