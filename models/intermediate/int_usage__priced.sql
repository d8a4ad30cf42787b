-- Usage of each model and day with the prices that held on it, and what it cost at them.
-- Amounts are exact decimals, so that sums do not depend on the order of rows.
with usage as (

    select * from {{ ref('int_usage__matched') }}

),

intervals as (

    select * from {{ ref('int_prices__intervals') }}

),

observations as (

    select * from {{ ref('int_models__observations') }}

),

box as (

    select * from {{ ref('int_assumptions__corners') }}
    where level = 'model'

),

-- All prices that held within the day; of these, the one at its end is the listed one.
prices as (

    select
        usage.date,
        usage.model_permaslug,
        intervals.prompt_price,
        intervals.completion_price,
        intervals.cache_read_price,
        intervals.is_free,
        intervals.is_priced,
        intervals.source_url as price_source_url,
        usage.price_as_of between intervals.valid_from and intervals.last_seen_at as is_at_day_end,
        min(intervals.token_price_low) over in_day as day_price_low,
        max(intervals.token_price_high) over in_day as day_price_high
    from usage
    inner join intervals
        on
            usage.model_id = intervals.model_id
            and usage.price_as_of >= intervals.valid_from
            and (
                usage.price_as_of <= intervals.last_seen_at
                or (usage.price_basis <> 'backcast' and usage.date < intervals.valid_to)
            )
    window in_day as (partition by usage.date, usage.model_permaslug)

),

priced as (

    select
        usage.*,
        prices.prompt_price,
        prices.completion_price,
        prices.cache_read_price,
        prices.price_source_url,
        observations.fetched_at as price_fetched_at,
        case
            when usage.variant = 'free' or prices.is_free then 'free'
            when prices.is_priced then 'paid'
            else 'unpriced'
        end as price_class,
        case when usage.variant = 'free' then 0 when prices.is_priced then prices.day_price_low end as price_low,
        case when usage.variant = 'free' then 0 when prices.is_priced then prices.day_price_high end as price_high
    from usage
    left join prices
        on
            usage.date = prices.date
            and usage.model_permaslug = prices.model_permaslug
            and prices.is_at_day_end
    left join observations on usage.price_as_of = observations.as_of

),

plausible as (

    select
        priced.date,
        priced.model_permaslug,
        min(box_price) as plausible_price_low,
        max(box_price) as plausible_price_high
    from (
        select
            priced.date,
            priced.model_permaslug,
            case priced.price_class
                when 'free' then 0
                when 'paid' then {{ blended(
                    'priced.prompt_price', 'priced.completion_price', 'priced.cache_read_price',
                    'box.completion_share', 'box.cached_share'
                ) }}
            end as box_price
        from priced
        cross join box
    ) as priced
    group by all

)

select
    priced.*,
    case when price_class <> 'unpriced' then tokens else 0 end as priced_tokens,
    tokens * price_low as spend_low,
    tokens * price_high as spend_high,
    tokens * plausible_price_low as spend_plausible_low,
    tokens * plausible_price_high as spend_plausible_high
from priced
left join plausible using (date, model_permaslug)
