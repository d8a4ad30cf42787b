-- Total of all traffic in each day, week and month.
with periods as (

    {{ whole_periods_of_all_traffic() }}

)

select
    'total_tokens' as kind,
    period,
    period_start,
    ranking,
    'all traffic' as subject,
    total_tokens as value,
    cast(null as double) as value_high,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from periods
