{{ config(meta={'dagster': {'ref': {'name': 'coverage'}}}, severity='warn') }}
-- In the last 28 days, the newest response for each day looks complete and names every model. One that does not is
-- published and marked in coverage; look at the response before you quote the day.
select
    date,
    surface,
    slice,
    suspect_reason,
    rows
from {{ ref('coverage') }}
where
    is_suspect
    and date > (
        select max(newest.date) - 28 from {{ ref('coverage') }} as newest
        where newest.is_complete
    )
order by date desc, surface asc, slice asc
