-- The days that make up each day, week and month of which no day is missing.
with days as (

    select period_start as date
    from {{ ref('int_rankings__totals') }}
    where period = 'day'

)

select
    kind.period,
    cast(date_trunc(kind.period, days.date) as date) as period_start,
    days.date
from days
cross join (values ('day'), ('week'), ('month')) as kind (period)
qualify
    count(*) over (partition by kind.period, period_start)
    = {{ days_in_period('kind.period', 'period_start') }}
