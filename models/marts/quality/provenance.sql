-- Every response, for every day it tells of: the way from a figure back to the file that supplied it.
with observations as (

    select * from {{ ref('stg_openrouter__responses') }}

),

covered as (

    select * from {{ ref('int_rankings__covered') }}

),

row_counts as (

    select
        raw_file,
        period_start,
        cast(sum(row_count) as bigint) as row_count
    from {{ ref('int_rankings__reported') }}
    group by raw_file, period_start

),

rankings as (

    select
        observations.* exclude (row_count),
        covered.period_start as date,
        covered.is_complete,
        covered.is_latest,
        coalesce(row_counts.row_count, 0) as row_count
    from covered
    inner join observations using (raw_file)
    left join row_counts using (raw_file, period_start)

),

snapshots as (

    select
        * exclude (row_count),
        coalesce(start_date, cast(as_of as date)) as date,
        coalesce(end_date < cast(as_of as date), true) as is_complete,
        row_number() over (
            partition by surface, slice, start_date, end_date, coalesce(start_date, cast(as_of as date))
            order by as_of desc, fetched_at desc, raw_file desc
        ) = 1 as is_latest,
        row_count
    from observations
    where surface not in ('rankings', 'rankings_export')

)

select
    surface,
    slice,
    period,
    date,
    raw_file,
    request_url,
    payload_sha256,
    row_count as rows,
    is_complete,
    is_latest,
    fetched_at,
    scope_id,
    source_url,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from (
    select * from rankings
    union all by name
    select * from snapshots
) as told
