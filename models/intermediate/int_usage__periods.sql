-- The days that make up each day, week and month of which no day is missing, and where the period's usage comes from.
with days as (

    select * from {{ ref('int_rankings__totals') }}
    where period = 'day'

),

periods as (

    select
        kind.period,
        cast(date_trunc(kind.period, days.period_start) as date) as period_start,
        days.period_start as date,
        days.as_of,
        days.fetched_at
    from days
    cross join (values ('day'), ('week'), ('month')) as kind (period)

)

select
    period,
    period_start,
    date,
    -- Of the whole period: that a model is not listed on a day is told by that day's response.
    max(as_of) over whole as usage_as_of,
    min(as_of) over whole as usage_oldest_as_of,
    max_by(fetched_at, (as_of, fetched_at)) over whole as usage_checked_at
from periods
window whole as (partition by period, period_start)
qualify count(*) over whole = {{ days_in_period('period', 'period_start') }}
