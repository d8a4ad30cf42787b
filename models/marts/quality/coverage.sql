-- Every day from the first to the last that a surface covers, including gaps. If the source reports a slice by week or
-- month only, the table has the first day of each.
with responses as (

    select
        *,
        period_start as date,
        row_count as rows
    from {{ ref('int_responses__covered') }}
    where period in ('day', 'week', 'month')

),

-- A week that the source reports as a whole would hide the missing days of a slice that it also reports by day.
finest as (

    select
        surface,
        slice,
        min_by(period, list_position(['day', 'week', 'month'], period)) as period
    from responses
    group by surface, slice

),

days_reported as (

    select responses.*
    from responses
    inner join finest using (surface, slice, period)

),

-- Each slice has its own first and last day, because days before its first response are no gap.
surfaces as (

    select
        surface,
        slice,
        period,
        min(date) as first_date,
        max(date) as last_date,
        max(scope_id) as scope_id,
        max(source_url) as source_url,
        max(as_of) as newest_as_of,
        max_by(fetched_at, (as_of, fetched_at)) as newest_checked_at
    from days_reported
    group by surface, slice, period

),

all_days as (

    select
        *,
        {{ days_between('first_date', 'last_date') }} as date
    from surfaces

),

calendar as (

    select * from all_days
    where date = cast(date_trunc(period, date) as date)

),

-- Two models flag responses that look incomplete; here they are combined, with the day that is suspect.
suspects as (

    select
        raw_file,
        period_start as date,
        suspect_reason
    from {{ ref('int_responses__compared') }}
    where is_suspect

    union all

    select
        raw_file,
        cast(as_of as date) as date,
        'fewer_ids' as suspect_reason
    from {{ ref('int_lists__compared') }}
    where is_suspect

),

-- A day may have several responses: the newest complete one decides whether it is a gap, any of them whether it was
-- ever observed.
reported as (

    select
        surface,
        slice,
        date,
        count(*) as observations,
        max_by(raw_file, (as_of, fetched_at, raw_file)) filter (where is_complete) as newest_complete_file,
        max(as_of) as newest_as_of,
        max_by(fetched_at, (as_of, fetched_at)) as checked_at,
        max_by(rows, (as_of, fetched_at)) as rows,
        bool_or(rows > 0) as is_observed,
        max_by(rows > 0, (as_of, fetched_at)) filter (where is_complete) as is_complete,
        bool_or(is_complete) as was_due
    from days_reported
    group by surface, slice, date

)

select
    calendar.surface,
    calendar.slice,
    calendar.date,
    coalesce(reported.is_observed, false) as is_observed,
    coalesce(reported.is_complete, false) as is_complete,
    suspects.raw_file is not null as is_suspect,
    suspects.suspect_reason,
    coalesce(reported.observations, 0) as observations,
    reported.newest_as_of,
    coalesce(reported.rows, 0) as rows,
    case
        when reported.is_complete then null
        when reported.date is null then 'not_observed'
        when not reported.was_due then 'in_progress'
        else 'missing_at_source'
    end as gap_reason,
    calendar.scope_id,
    calendar.source_url,
    -- If no response covers the day, the newest response shows this, so its times count.
    coalesce(reported.newest_as_of, calendar.newest_as_of) as as_of,
    coalesce(reported.newest_as_of, calendar.newest_as_of) as oldest_as_of,
    coalesce(reported.checked_at, calendar.newest_checked_at) as checked_at
from calendar
left join reported using (surface, slice, date)
left join suspects on reported.newest_complete_file = suspects.raw_file and reported.date = suspects.date
