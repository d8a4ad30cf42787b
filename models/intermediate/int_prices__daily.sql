-- Price per token of each model on each day of its usage: the price listed at the end of the day, and the lowest and
-- highest price that may have been valid on the day, from the lists of models and from endpoints.
with matched as (

    select * from {{ ref('int_usage__matched') }}

),

intervals as (

    select * from {{ ref('int_prices__intervals') }}

),

listings as (

    select * from {{ ref('int_permaslugs__listings') }}

),

lists as (

    select * from {{ ref('int_models__lists') }}

),

endpoints as (

    select * from {{ ref('int_endpoints__daily') }}

),

-- The first price above 0 decides which token split is assumed for a model, so that a price change does not move it to
-- another split.
first_prices as (

    select
        model_id,
        min_by(prompt_price, valid_from) as first_prompt_price
    from intervals
    where prompt_price > 0
    group by model_id

),

-- Prices that may have been valid on the day. A price that a list first shows at valid_from may have started at any
-- time after not_before, and the previous price may have lasted as long. Prices from a time when the id referred to
-- another model do not count.
possible as (

    select
        matched.date,
        matched.model_permaslug,
        intervals.prompt_price,
        intervals.completion_price,
        intervals.cache_read_price,
        intervals.cache_write_price,
        intervals.is_free,
        intervals.is_priced,
        intervals.source_url as price_source_url,
        matched.price_as_of between intervals.valid_from and intervals.last_seen_at as is_at_day_end,
        min(intervals.token_price_low) over in_day as day_price_low,
        max(intervals.token_price_high) over in_day as day_price_high,
        max({{ nearest_observed_at('intervals', 'matched.price_as_of') }}) over in_day as bounds_as_of,
        min({{ nearest_observed_at('intervals', 'matched.price_as_of') }}) over in_day as bounds_oldest_as_of
    from matched
    inner join intervals on matched.model_id = intervals.model_id
    where
        matched.price_as_of between intervals.valid_from and intervals.last_seen_at
        or (
            coalesce(intervals.not_before, intervals.valid_from) < {{ end_of_day('matched.date') }}
            and (intervals.not_after is null or intervals.not_after > matched.date)
            and (
                intervals.model_permaslug is null
                or exists (
                    select 1 from listings
                    where
                        listings.base_slug = matched.base_slug
                        and listings.variant = matched.variant
                        and listings.model_id = intervals.model_id
                        and listings.listed_from <= intervals.last_seen_at
                        and listings.last_listed_at >= intervals.valid_from
                )
            )
        )
    window in_day as (partition by matched.date, matched.model_permaslug)

)

select
    matched.*,
    possible.price_source_url,
    lists.fetched_at as price_checked_at,
    possible.bounds_as_of,
    possible.bounds_oldest_as_of,
    bounds.fetched_at as bounds_checked_at,
    case
        when matched.variant = 'free' or possible.is_free then 'free'
        when possible.is_priced then 'paid'
        else 'unpriced'
    end as price_class,
    possible.prompt_price,
    possible.completion_price,
    possible.cache_read_price,
    possible.cache_write_price,
    first_prices.first_prompt_price,
    case when matched.variant = 'free' then 0 when possible.is_priced then possible.day_price_low end as price_low,
    case when matched.variant = 'free' then 0 when possible.is_priced then possible.day_price_high end as price_high,
    endpoints.endpoint_price_low,
    endpoints.endpoint_price_high,
    endpoints.as_of as endpoint_as_of,
    endpoints.oldest_as_of as endpoint_oldest_as_of,
    endpoints.checked_at as endpoint_checked_at
from matched
left join possible
    on
        matched.date = possible.date
        and matched.model_permaslug = possible.model_permaslug
        and possible.is_at_day_end
left join lists on matched.price_as_of = lists.as_of
left join lists as bounds on possible.bounds_as_of = bounds.as_of
left join first_prices on matched.model_id = first_prices.model_id
left join endpoints
    on
        matched.model_id = endpoints.model_id
        and matched.date = endpoints.date
