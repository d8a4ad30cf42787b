{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- The day before the newest rankings response is in the marts.
with newest as (

    select cast(max(as_of) as date) - 1 as date
    from {{ source('raw', 'observations') }}
    where surface in ('rankings', 'rankings_export')

)

select newest.date
from newest
left join {{ ref('share_model') }} as shares
    on newest.date = shares.period_start and shares.period = 'day'
where shares.period_start is null
