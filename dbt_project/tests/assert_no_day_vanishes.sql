{{ config(meta={'dagster': {'ref': {'name': 'provenance'}}}, severity='warn') }}
-- A complete day that was told of before has not become empty at the source. If it has, the marts follow the source,
-- and somebody should look.
select
    surface,
    slice,
    date
from {{ ref('provenance') }}
where is_complete and period = 'day'
group by surface, slice, date
having max(rows) > 0 and max(rows) filter (where is_latest) = 0
