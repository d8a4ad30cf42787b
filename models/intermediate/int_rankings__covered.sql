-- Every period that a rankings response covers whole, whether or not it has rows for it. With and without a key are two
-- ways to the same figures: the newest telling counts.
with observations as (

    select * from {{ ref('stg_openrouter__responses') }}
    where surface in ('rankings', 'rankings_export')

),

covered_days as (

    select
        *,
        {{ days_between('start_date', 'end_date') }} as date
    from observations

),

begun as (

    select
        *,
        cast(date_trunc(period, date) as date) as period_start
    from covered_days

),

covered as (

    select
        slice,
        period,
        period_start,
        {{ period_end('period', 'period_start') }} as period_end,
        raw_file,
        scope_id,
        source_url,
        as_of,
        fetched_at
    from begun
    group by slice, period, period_start, raw_file, scope_id, source_url, as_of, fetched_at
    -- A period at the edge of the window, of which the response holds a part, is not covered.
    having count(*) = {{ days_in_period('period', 'period_start') }}

),

compared as (

    select
        *,
        period_end < cast(as_of as date) as is_complete,
        {{ is_latest_by('slice, period, period_start') }} as is_newest
    from covered

)

select
    * exclude (is_newest),
    is_newest and is_complete as is_latest
from compared
