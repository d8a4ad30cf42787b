{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- The marts contain the newest complete day for which any response for all traffic has rows. Freshness checks whether
-- that day is recent enough: the source may have lost a day, or not have published it yet.
with newest as (

    {{ newest_raw_responses() }}

),

reported as (

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

newest_reported as (

    select max(reported.date) as date
    from reported
    inner join newest using (date, raw_file)

)

select newest_reported.date
from newest_reported
left join {{ ref('share_model') }} as shares
    on newest_reported.date = shares.period_start and shares.period = 'day'
-- A response whose slugs are all malformed lists no model, but its tokens are in the summary.
left join {{ ref('traffic_summary') }} as summary
    on newest_reported.date = summary.period_start and summary.period = 'day' and summary.models_listed = 0
where newest_reported.date is not null and shares.period_start is null and summary.period_start is null
