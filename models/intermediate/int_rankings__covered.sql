-- Every whole period that a rankings response covers, with or without rows. The rankings surface (with a key) and
-- the daily snapshots (without one) publish the same figures, so the newest response of either counts.
with responses as (

    select * from {{ ref('stg_openrouter__responses') }}
    where {{ is_rankings_surface('surface') }}

),

covered_days as (

    select
        *,
        {{ days_between('start_date', 'end_date') }} as date
    from responses

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
    -- A week or month that the response covers only in part is left out.
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
