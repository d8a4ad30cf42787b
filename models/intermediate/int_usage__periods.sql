-- Priced usage of each model in each day, week and month, as the source reports it or else day by day. The response for
-- a day also shows which models are unlisted, so the times of usage cover the whole period.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

usage as (

    select * from {{ ref('int_usage__priced') }}

)

select
    periods.period,
    periods.period_start,
    periods.period_end,
    periods.basis,
    periods.scope_id,
    periods.source_url,
    periods.as_of as usage_as_of,
    periods.oldest_as_of as usage_oldest_as_of,
    periods.checked_at as usage_checked_at,
    usage.period_end as part_end,
    usage.* exclude (period, period_start, period_end)
from periods
inner join usage on {{ is_part_of('usage', 'periods') }}
