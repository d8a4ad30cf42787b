-- What a token of each model cost on each day of its usage: the price listed at the end of the day, and the least and
-- the greatest that held within it, as listed for the model and as offered by its endpoints.
with matched as (

    select * from {{ ref('int_usage__matched') }}

),

intervals as (

    select * from {{ ref('int_prices__intervals') }}

),

observations as (

    select * from {{ ref('int_models__observations') }}

),

endpoints as (

    select * from {{ ref('int_endpoints__daily') }}

),

-- All prices that held within the day; of these, the one at its end is the listed one.
held as (

    select
        matched.date,
        matched.model_permaslug,
        intervals.prompt_price,
        intervals.completion_price,
        intervals.cache_read_price,
        intervals.is_free,
        intervals.is_priced,
        intervals.source_url as price_source_url,
        matched.price_as_of between intervals.valid_from and intervals.last_seen_at as is_at_day_end,
        min(intervals.token_price_low) over in_day as day_price_low,
        max(intervals.token_price_high) over in_day as day_price_high
    from matched
    inner join intervals
        on
            matched.model_id = intervals.model_id
            and matched.price_as_of >= intervals.valid_from
            and (
                matched.price_as_of <= intervals.last_seen_at
                or (matched.price_basis <> 'backcast' and matched.date < intervals.valid_to)
            )
    window in_day as (partition by matched.date, matched.model_permaslug)

)

select
    matched.*,
    held.price_source_url,
    observations.fetched_at as price_fetched_at,
    case
        when matched.variant = 'free' or held.is_free then 'free'
        when held.is_priced then 'paid'
        else 'unpriced'
    end as price_class,
    held.prompt_price,
    held.completion_price,
    held.cache_read_price,
    case when matched.variant = 'free' then 0 when held.is_priced then held.day_price_low end as price_low,
    case when matched.variant = 'free' then 0 when held.is_priced then held.day_price_high end as price_high,
    endpoints.endpoint_price_low,
    endpoints.endpoint_price_high,
    endpoints.as_of as endpoint_as_of,
    endpoints.oldest_as_of as endpoint_oldest_as_of,
    endpoints.fetched_at as endpoint_fetched_at
from matched
left join held
    on
        matched.date = held.date
        and matched.model_permaslug = held.model_permaslug
        and held.is_at_day_end
left join observations on matched.price_as_of = observations.as_of
left join endpoints
    on
        matched.model_id = endpoints.model_id
        and matched.date = endpoints.date
