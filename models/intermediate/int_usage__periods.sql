-- Priced usage of each model in each day, week and month, as the source reports it or else day by day. The response for
-- a day also shows which models are unlisted, so the times of usage cover the whole period.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

parts as (

    {{ parts_of('periods') }}

),

usage as (

    select * from {{ ref('int_usage__priced') }}

)

select
    parts.period,
    parts.period_start,
    parts.period_end,
    parts.basis,
    parts.scope_id,
    parts.source_url,
    parts.as_of as usage_as_of,
    parts.oldest_as_of as usage_oldest_as_of,
    parts.checked_at as usage_checked_at,
    usage.period_end as part_end,
    usage.* exclude (period, period_start, period_end)
from parts
inner join usage on parts.part_period = usage.period and parts.part_start = usage.period_start
