-- Days on which the list itself changes: a new leader, an arrival, a disappearance. Each is measured against the
-- observed day before, which is at most three days back where days are missing.
with usage as (

    select * from {{ ref('int_anomalies__usage') }}
    where previous_date is not null

),

firsts as (

    select
        *,
        lag(subject) over in_time as former,
        lag(subject_name) over in_time as former_name,
        lag(date) over in_time as former_date,
        lag(as_of) over in_time as former_as_of,
        lag(oldest_as_of) over in_time as former_oldest_as_of,
        lag(checked_at) over in_time as former_checked_at
    from {{ ref('int_anomalies__usage') }}
    where rank = 1
    window in_time as (partition by subject_type order by date)

),

leaders as (

    select
        firsts.*,
        seconds.subject_name as second_name,
        seconds.share as second_share,
        former_today.share as former_share
    from firsts
    inner join usage as seconds
        on firsts.subject_type = seconds.subject_type and firsts.date = seconds.date and seconds.rank = 2
    left join usage as former_today
        on
            firsts.subject_type = former_today.subject_type
            and firsts.former = former_today.subject
            and firsts.date = former_today.date
    where firsts.former <> firsts.subject and firsts.date - firsts.former_date <= 3

),

arrivals as (

    select
        *,
        100 * (share - previous_share_high) as score
    from usage
    where tokens is not null and previous_tokens is null

),

-- What is gone for certain: not listed is not zero. A member that slid to the end of the list had little left to lose.
disappearances as (

    select
        *,
        least(week_tokens, previous_tokens) as expected_tokens_at_most,
        100 * (least(week_tokens, previous_tokens) - unlisted_tokens_high) / total_tokens as score
    from usage
    where tokens is null and previous_tokens is not null and week_days_listed >= 3

)

select
    date,
    'new_leader' as kind,
    subject_type,
    subject,
    subject_name,
    true as is_up,
    share as value,
    former_share as expected,
    100 * (share - second_share) as score,
    100 * (share - second_share) as recent_score,
    100 * (share - second_share) as step_score,
    subject_name || ' leads with ' || {{ as_percent('share') }} || ', ahead of ' || second_name || ' with '
    || {{ as_percent('second_share') }} || '; on ' || former_date || ', ' || former_name || ' led.'
    || {{ suspect_note() }} as evidence,
    true as is_listed,
    scope_id,
    source_url,
    greatest(as_of, former_as_of) as as_of,
    least(oldest_as_of, former_oldest_as_of) as oldest_as_of,
    case when former_as_of > as_of then former_checked_at else checked_at end as checked_at
from leaders

union all

select
    date,
    'arrival' as kind,
    subject_type,
    subject,
    subject_name,
    true as is_up,
    share as value,
    previous_share_high as expected,
    score,
    score as recent_score,
    score as step_score,
    subject_name || ' had ' || {{ as_percent('share') }} || ' of all tokens; on ' || previous_date
    || ' it was not listed and can have had ' || {{ as_percent('previous_share_high') }} || ' at most.'
    || {{ suspect_note() }} as evidence,
    true as is_listed,
    scope_id,
    source_url,
    as_of,
    baseline_oldest_as_of as oldest_as_of,
    checked_at
from arrivals

union all

select
    date,
    'disappearance' as kind,
    subject_type,
    subject,
    subject_name,
    false as is_up,
    unlisted_tokens_high as value,
    expected_tokens_at_most as expected,
    score,
    score as recent_score,
    score as step_score,
    subject_name || ' is no longer listed and can have had ' || {{ tokens_in_words('unlisted_tokens_high') }}
    || ' tokens at most, after ' || {{ tokens_in_words('previous_tokens') }} || ' on ' || previous_date
    || ' and a median of ' || {{ tokens_in_words('week_tokens') }} || ' in the seven days before.'
    || {{ suspect_note() }} as evidence,
    true as is_listed,
    scope_id,
    source_url,
    as_of,
    baseline_oldest_as_of as oldest_as_of,
    checked_at
from disappearances
