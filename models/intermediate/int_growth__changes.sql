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

-- Horizons share windows of the same length.
windows_by_day as (

    select distinct
        window_start,
        window_end,
        {{ days_between('window_start', 'window_end') }} as date
    from windows

),

-- A model may change its price class, so the last day of the window that lists the model decides.
price_classes as (

    select
        windows_by_day.window_start,
        windows_by_day.window_end,
        days.model_permaslug,
        max_by(days.price_class, days.period_start) as price_class,
        max_by(days.price_as_of, days.period_start) as as_of,
        max_by(days.price_oldest_as_of, days.period_start) as oldest_as_of,
        max_by(days.price_checked_at, days.period_start) as checked_at
    from windows_by_day
    inner join days on windows_by_day.date = days.period_start
    group by windows_by_day.window_start, windows_by_day.window_end, days.model_permaslug

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
        members.window_start = price_classes.window_start
        and members.window_end = price_classes.window_end
        and members.member = price_classes.model_permaslug
