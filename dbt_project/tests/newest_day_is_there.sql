{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- The day before the newest rankings response is in the marts, unless the source has nothing for it.
with newest as (

    select cast(max(as_of) as date) - 1 as date
    from {{ source('raw', 'observations') }}
    where surface = 'rankings'

)

select newest.date
from newest
left join {{ ref('share_model') }} as shares
    on newest.date = shares.period_start and shares.period = 'day'
left join {{ ref('coverage') }} as coverage
    on newest.date = coverage.date and coverage.surface = 'rankings' and coverage.slice = 'all'
where
    shares.period_start is null
    and coverage.gap_reason is distinct from 'missing_at_source'
