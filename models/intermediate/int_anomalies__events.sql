-- One row per event: a run of consecutive flagged days in one direction. A missing day ends an event. An event starts
-- on a day that exceeds each of the three days before by the step threshold. Because a change may take two days, it is
-- enough to lie beyond all three and to exceed their median by the full threshold. Within an event, a day starts
-- another event if it exceeds each of the three days by the full threshold and by more than the day before did.
with flagged as (

    select
        *,
        coalesce(date - lag(date) over by_date <> 1, true) as is_run_start,
        lag(step_score) over by_date as previous_step_score
    from {{ ref('int_anomalies__flagged') }}
    window by_date as (partition by kind, subject_type, subject, is_up order by date)

),

runs as (

    select
        *,
        case
            when is_run_start
                then step_score >= step_threshold or (step_score > 0 and recent_score >= threshold)
            else step_score >= threshold and step_score > coalesce(previous_step_score, 0)
        end as is_opening,
        sum(cast(is_run_start as integer)) over (
            partition by kind, subject_type, subject, is_up order by date
        ) as run_no
    from flagged

),

days as (

    select
        *,
        sum(cast(is_opening as integer)) over (
            partition by kind, subject_type, subject, is_up, run_no order by date
        ) as event_no
    from runs

)

-- The day with the highest score supplies the figures and the sentence of the event.
select
    min(date) over event as date,
    kind,
    subject_type,
    subject,
    subject_name,
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
