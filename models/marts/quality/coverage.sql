-- Every day from the first to the last that a surface was observed for, gaps included.
with days_told as (

    select * from {{ ref('provenance') }}
    where period = 'day'

),

calendar as (

    select
        surface,
        slice,
        {{ days_between('first_date', 'last_date') }} as date,
        scope_id,
        source_url,
        newest_as_of,
        newest_checked_at
    from (
        select
            surface,
            slice,
            min(date) as first_date,
            max(date) as last_date,
            max(scope_id) as scope_id,
            max(source_url) as source_url,
            max(as_of) as newest_as_of,
            max_by(fetched_at, (as_of, fetched_at)) as newest_checked_at
        from days_told
        group by surface, slice
    ) as surfaces

),

told as (

    select
        surface,
        slice,
        date,
        count(*) as observations,
        max(as_of) as newest_as_of,
        max_by(fetched_at, (as_of, fetched_at)) as checked_at,
        max_by(rows, (as_of, fetched_at)) as rows,
        bool_or(rows > 0) as is_observed,
        max_by(rows > 0, (as_of, fetched_at)) filter (where is_complete) as is_complete,
        bool_or(is_complete) as was_due
    from days_told
    group by surface, slice, date

)

select
    calendar.surface,
    calendar.slice,
    calendar.date,
    coalesce(told.is_observed, false) as is_observed,
    coalesce(told.is_complete, false) as is_complete,
    coalesce(told.observations, 0) as observations,
    told.newest_as_of,
    coalesce(told.rows, 0) as rows,
    case
        when told.is_complete then null
        when told.date is null then 'not_observed'
        when not told.was_due then 'in_progress'
        else 'missing_at_source'
    end as gap_reason,
    calendar.scope_id,
    calendar.source_url,
    -- Of a day that no response tells of, the newest response says so.
    coalesce(told.newest_as_of, calendar.newest_as_of) as as_of,
    coalesce(told.newest_as_of, calendar.newest_as_of) as oldest_as_of,
    coalesce(told.checked_at, calendar.newest_checked_at) as checked_at
from calendar
left join told using (surface, slice, date)
