{{ config(materialized='view') }}
-- New leaders: days whose leading member differs from that of the observed day before, which may be up to three days
-- earlier.
with baselines as (

    select * from {{ ref('int_anomalies__baselines') }}

),

leaders as (

    select
        *,
        lag(subject) over by_date as former,
        lag(subject_name) over by_date as former_name,
        lag(date) over by_date as former_date,
        lag(as_of) over by_date as former_as_of,
        lag(day_oldest_as_of) over by_date as former_oldest_as_of,
        lag(checked_at) over by_date as former_checked_at
    from baselines
    where rank = 1
    window by_date as (partition by subject_type order by date)

),

-- A narrow lead means little, so the score is the lead over the second-ranked member.
changes as (

    select
        leaders.*,
        seconds.subject_name as second_name,
        seconds.share as second_share,
        former_today.share as former_share
    from leaders
    inner join baselines as seconds
        on leaders.subject_type = seconds.subject_type and leaders.date = seconds.date and seconds.rank = 2
    left join baselines as former_today
        on
            leaders.subject_type = former_today.subject_type
            and leaders.former = former_today.subject
            and leaders.date = former_today.date
    where leaders.former <> leaders.subject and leaders.date - leaders.former_date <= 3

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
    {{ filled('sentences.template', {
        'share': as_percent('share'),
        'second_share': as_percent('second_share'),
        'former_date': date_in_words('former_date'),
        'second': 'second_name',
        'former': 'former_name',
        'subject': 'subject_name',
    }) }} as evidence,
    is_suspect,
    scope_id,
    source_url,
    greatest(as_of, former_as_of) as as_of,
    least(day_oldest_as_of, former_oldest_as_of) as oldest_as_of,
    case when former_as_of > as_of then former_checked_at else checked_at end as checked_at
from changes
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'new_leader'
