-- Id of each permaslug on each day of the periods that list it, from the newest list of models made by the end of the
-- day that includes it, or else from the first such list after the day. Slugs are matched exactly.
with usage as (

    select distinct
        {{ days_between('period_start', 'period_end') }} as date,
        model_permaslug,
        {{ base_slug('model_permaslug') }} as base_slug,
        {{ variant('model_permaslug') }} as variant
    from {{ ref('int_rankings__latest') }}
    where slice = 'all' and not is_other

),

listings as (

    select * from {{ ref('int_permaslugs__listings') }}

),

lists as (

    select as_of from {{ ref('int_models__lists') }}

),

-- A price is observed only if the newest list by the end of the day includes the model; otherwise it is carried.
days as (

    select
        usage_days.date,
        {{ end_of_day('usage_days.date') }} as day_end,
        max(lists.as_of) as newest_as_of
    from (select distinct date from usage) as usage_days
    left join lists on lists.as_of < {{ end_of_day('usage_days.date') }}
    group by usage_days.date

),

-- A listing spans several lists. Of those, the last one by the end of the day counts, or else the first one after it.
candidates as (

    select
        usage.date,
        usage.model_permaslug,
        days.day_end,
        days.newest_as_of,
        listings.model_id,
        listings.is_alias,
        listings.listed_from >= days.day_end as is_later,
        case
            when listings.listed_from >= days.day_end then listings.listed_from
            else least(listings.last_listed_at, days.newest_as_of)
        end as price_as_of
    from usage
    inner join days on usage.date = days.date
    inner join listings
        on
            usage.base_slug = listings.base_slug
            and usage.variant = listings.variant

),

-- An exact slug precedes an alias, and an earlier list precedes a later one, however much closer the later one is,
-- because its price was known by then.
best as (

    select *
    from candidates
    qualify row_number() over (
        partition by date, model_permaslug
        order by
            is_alias asc,
            is_later asc,
            abs(epoch(day_end) - epoch(price_as_of)) asc,
            model_id asc
    ) = 1

)

select
    usage.date,
    usage.model_permaslug,
    usage.base_slug,
    usage.variant,
    best.model_id,
    best.price_as_of,
    case
        when best.model_id is null then 'none'
        when best.is_later then 'backcast'
        -- Lists are fetched daily, so if the newest is 48 hours old, the list of at least one day is missing.
        when
            best.price_as_of = best.newest_as_of
            and epoch(best.day_end) - epoch(best.price_as_of) < 48 * 3600
            then 'observed'
        else 'carried'
    end as price_basis,
    case
        when not best.is_later then (epoch(best.day_end) - epoch(best.price_as_of)) / 3600
    end as price_age_hours,
    case
        when best.is_later then date_diff('day', usage.date, cast(best.price_as_of as date))
    end as price_lag_days
from usage
left join best
    on
        usage.date = best.date
        and usage.model_permaslug = best.model_permaslug
