-- One row per event, from the days that are over the threshold of their kind. Consecutive days in one direction are
-- one event; a missing day ends it. An event opens on a day that is also beyond each of the three days just before: by
-- the step threshold, or by the whole threshold from their median, as a change may take two days. A day within an event
-- opens another if it is beyond each of them by the whole threshold, unless the day before took a larger step.
with candidates as (

    {% for kinds in ['levels', 'listings', 'prices'] -%}
        select * from {{ ref('int_anomalies__' ~ kinds) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Prices and discounts may change several times a day: one day of a subject is one candidate, its largest change.
flagged as (

    select
        candidates.*,
        kinds.threshold,
        kinds.step_threshold
    from candidates
    inner join {{ ref('anomaly_kinds') }} as kinds using (kind)
    where candidates.score >= kinds.threshold
    qualify
        row_number() over (
            partition by candidates.date, candidates.kind, candidates.subject_type, candidates.subject
            order by candidates.score desc, candidates.as_of desc, candidates.evidence asc
        ) = 1

),

steps as (

    select
        *,
        case
            when coalesce(date - lag(date) over in_time <> 1, true)
                then step_score >= step_threshold or (step_score > 0 and recent_score >= threshold)
            else step_score >= threshold and step_score > coalesce(lag(step_score) over in_time, 0)
        end as is_opening,
        coalesce(date - lag(date) over in_time <> 1, true) as is_after_pause
    from flagged
    window in_time as (partition by kind, subject_type, subject, is_up order by date)

),

runs as (

    select
        *,
        sum(cast(is_after_pause as integer)) over (
            partition by kind, subject_type, subject, is_up order by date
        ) as run_no
    from steps

),

days as (

    select
        *,
        sum(cast(is_opening as integer)) over (
            partition by kind, subject_type, subject, is_up, run_no order by date
        ) as event_no
    from runs

)

select
    min(date) over event as date,
    kind,
    subject_type,
    subject,
    subject_name,
    is_up,
    value,
    expected,
    score,
    threshold,
    date as peak_date,
    max(date) over event as last_date,
    count(*) over event as days_flagged,
    evidence,
    bool_or(is_listed) over event as is_listed,
    scope_id,
    source_url,
    max(as_of) over event as as_of,
    min(oldest_as_of) over event as oldest_as_of,
    max_by(checked_at, (as_of, checked_at)) over event as checked_at
from days
where event_no > 0
window event as (partition by kind, subject_type, subject, is_up, run_no, event_no)
qualify
    row_number() over (
        partition by kind, subject_type, subject, is_up, run_no, event_no order by score desc, date asc
    ) = 1
