-- The least and the greatest token price at which any endpoint of an id was offered on a day: every provider, every
-- service tier, every override. Listed prices are after discount already.
with endpoints as (

    select
        *,
        cast(as_of as date) as date
    from {{ ref('stg_openrouter__endpoints') }}
    where endpoint_no is not null

)

select
    model_id,
    date,
    min({{ all_token_prices('list_min') }}) as endpoint_price_low,
    max({{ all_token_prices('list_max') }}) as endpoint_price_high,
    max(as_of) as as_of,
    min(as_of) as oldest_as_of,
    max_by(fetched_at, (as_of, fetched_at)) as fetched_at
from endpoints
group by model_id, date
