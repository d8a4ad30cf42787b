-- Every response and every period it covers, with or without rows: a day that a response covers without rows is missing
-- at the source, a day that no response covers was not observed.
with responses as (

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

-- A rankings response covers many periods and may have no rows for some of them.
rankings as (

    select
        responses.* exclude (row_count),
        covered.period_start,
        covered.is_complete,
        covered.is_latest,
        coalesce(row_counts.row_count, 0) as row_count
    from covered
    inner join responses using (raw_file)
    left join row_counts using (raw_file, period_start)

),

-- Other responses cover their own window or the day on which they were made.
snapshots as (

    select
        * exclude (row_count),
        coalesce(start_date, cast(as_of as date)) as period_start,
        coalesce(end_date < cast(as_of as date), true) as is_complete,
        {{ is_latest_by('surface, slice, start_date, end_date, coalesce(start_date, cast(as_of as date))') }}
            as is_latest,
        row_count
    from responses
    where not {{ is_rankings_surface('surface') }}

)

select
    surface,
    slice,
    period,
    period_start,
    raw_file,
    request_url,
    payload_sha256,
    row_count,
    is_complete,
    is_latest,
    scope_id,
    source_url,
    as_of,
    fetched_at
from (
    select * from rankings
    union all by name
    select * from snapshots
) as covered_periods
