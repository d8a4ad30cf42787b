-- The least and the greatest token price of any endpoint of an id that can have been valid on a day: every provider,
-- every service tier, every override. Listed prices are after discount already. Sweeps are about a day apart, so what
-- the newest response of the day before shows may have lasted into the day, and what the oldest response of the day
-- after shows may have begun in it. A response further away says nothing of the day.
with endpoints as (

    select * from {{ ref('stg_openrouter__endpoints') }}
    -- 404: the model has no endpoints. Any other failure says nothing.
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
    max(as_of) as as_of,
    min(as_of) as oldest_as_of,
    max_by(fetched_at, (as_of, fetched_at)) as fetched_at
from by_day
group by model_id, date
