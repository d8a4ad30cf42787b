{{ config(meta={'dagster': {'ref': {'name': 'coverage'}}}, severity='warn') }}
-- The newest response for each of the last 28 days, and for each day that was fetched since yesterday, looks complete
-- and names every model. If one does not, its day is published and marked in coverage; check it before
-- you quote a figure of that day.
select
    date,
    surface,
    slice,
    suspect_reason,
    rows
from {{ ref('coverage') }}
where
    is_suspect
    and (
        date > (
            select max(newest.date) - 28 from {{ ref('coverage') }} as newest
            where newest.is_complete
        )
        or checked_at > (select max(newest.checked_at) - interval 1 day from {{ ref('coverage') }} as newest)
    )
order by date desc, surface asc, slice asc
