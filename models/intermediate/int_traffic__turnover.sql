-- Share of new models in each day, week and month, and the fraction of models that are still listed after 28 days.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'all' and member_type = 'model'

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

-- A model is new for 28 days, so periods of any length are comparable: the 28 days end on the last day of the period.
launched as (

    select
        periods.period,
        periods.period_start,
        coalesce(
            sum(members.tokens) filter (
                where attributes.created_on between periods.period_end - 27 and periods.period_end
            ), 0
        ) as launched_tokens,
        max(attributes.as_of) as as_of,
        min(attributes.as_of) as oldest_as_of,
        max_by(attributes.fetched_at, attributes.as_of) as checked_at
    from periods
    -- If all slugs of a response are malformed, the period has no members.
    left join members using (period, period_start)
    left join attributes on members.member = attributes.model_permaslug
    group by periods.period, periods.period_start

),

-- Only days are compared for survival: a week or month also lists models that were used on its first days only.
days as (

    select
        periods.period_end as date,
        periods.as_of,
        periods.checked_at,
        members.member
    from periods
    inner join members using (period, period_start)
    where periods.period = 'day'

),

-- A day counts only if the day 28 days later was observed, because all models would seem to have left otherwise.
survival as (

    select
        earlier.date + 28 as date,
        count(later.member) / count(*) as survival,
        max(earlier.as_of) as as_of,
        max(earlier.checked_at) as checked_at
    from days as earlier
    left join days as later
        on
            earlier.member = later.member
            and earlier.date + 28 = later.date
    where earlier.date + 28 in (select listed.date from days as listed)
    group by earlier.date

),

-- Survival is measured on the last day of a period, because that day has its own list.
last_days as (

    select
        period_end as date,
        as_of,
        checked_at
    from periods
    where period = 'day'

)

select
    periods.period,
    periods.period_start,
    launched.launched_tokens / periods.total_tokens as launched_share,
    survival.survival,
    periods.scope_id,
    periods.source_url,
    greatest(periods.as_of, launched.as_of, survival.as_of, last_days.as_of) as as_of,
    least(periods.oldest_as_of, launched.oldest_as_of, survival.as_of, last_days.as_of) as oldest_as_of,
    case greatest(periods.as_of, launched.as_of, survival.as_of, last_days.as_of)
        when periods.as_of then periods.checked_at
        when launched.as_of then launched.checked_at
        when last_days.as_of then last_days.checked_at
        else survival.checked_at
    end as checked_at
from periods
inner join launched using (period, period_start)
left join survival on periods.period_end = survival.date
left join last_days on survival.date = last_days.date
