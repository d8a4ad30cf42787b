-- Change in each model's tokens between two windows, with the classes that the model belongs to. A model that was
-- created in the window or is listed in only one of the two is marked, because entering or leaving a list of 50 does
-- not mean that usage started or stopped.
with windows as (

    select * from {{ ref('int_growth__windows') }}
    where ranking = 'all' and total_tokens is not null and base_total_tokens is not null

),

members as (

    select * from {{ ref('int_growth__members') }}
    where ranking = 'all' and member_type = 'model'

),

attributes as (

    select
        *,
        as_of as oldest_as_of,
        fetched_at as checked_at
    from {{ ref('int_models__attributes') }}

),

days as (

    select * from {{ ref('int_usage__priced') }}
    where period = 'day'

),

-- Without windows, no listing needs a day.
longest as (

    select coalesce(max(window_days), 0) as window_days from windows

),

listings as (

    select
        *,
        lead(period_start, 1, date '9999-12-31') over by_day as next_listed_on
    from days
    window by_day as (partition by model_permaslug order by period_start)

),

-- A model may change its price class, so the last day of the window that lists the model decides. A listing is the last
-- one until the day before the next, and no window reaches further back than the longest.
price_classes as (

    select
        listings.model_permaslug,
        listings.period_start as listed_on,
        {{ days_between(
            'listings.period_start', 'least(listings.next_listed_on, listings.period_start + longest.window_days) - 1'
        ) }} as window_end,
        listings.price_class,
        listings.price_as_of as as_of,
        listings.price_oldest_as_of as oldest_as_of,
        listings.price_checked_at as checked_at
    from listings
    cross join longest

)

select
    members.horizon,
    members.window_end,
    members.member as model,
    attributes.author,
    attributes.variant,
    price_classes.price_class,
    attributes.weights,
    attributes.reasoning,
    attributes.author_country,
    case
        when members.created_on between members.window_start and members.window_end then 'launched'
        when members.tokens = 0 or members.base_tokens = 0 then 'crossed_top50'
    end as artefact,
    members.tokens,
    members.base_tokens,
    -- The artefact depends on the creation day, and both that day and the price come from lists of models.
    attributes.as_of as listing_as_of,
    attributes.oldest_as_of as listing_oldest_as_of,
    attributes.checked_at as listing_checked_at,
    {{ merged_times('attributes', 'price_classes', prefix='price_') }}
from members
inner join windows using (horizon, window_end)
inner join attributes on members.member = attributes.model_permaslug
left join price_classes
    on
        members.window_end = price_classes.window_end
        and members.member = price_classes.model_permaslug
        and members.window_start <= price_classes.listed_on
