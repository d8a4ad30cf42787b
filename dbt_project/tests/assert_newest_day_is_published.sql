{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- The newest complete day that any response of all traffic has rows for is in the marts. Whether that is yesterday is
-- a matter of freshness: the source may have lost a day, or may not have told of it yet.
with newest as (

    {{ newest_raw_responses() }}

),

told as (

    select
        date,
        raw_file
    from {{ source('raw', 'rankings') }}
    union all
    select
        date,
        raw_file
    from {{ source('raw', 'rankings_export') }}

),

newest_told as (

    select max(told.date) as date
    from told
    inner join newest using (date, raw_file)

)

select newest_told.date
from newest_told
left join {{ ref('share_model') }} as shares
    on newest_told.date = shares.period_start and shares.period = 'day'
-- A response whose rows all have malformed slugs lists no model; its tokens are in the summary.
left join {{ ref('traffic_summary') }} as summary
    on newest_told.date = summary.period_start and summary.period = 'day' and summary.models_listed = 0
where newest_told.date is not null and shares.period_start is null and summary.period_start is null
