{{ config(materialized='view') }}
-- Disappearances: members that were listed on the observed day before, scored by the fewest tokens that they can have
-- lost. A member that slid to the end of the list first had few tokens left to lose.
with disappearances as (

    select
        *,
        least(week_tokens, previous_tokens) as expected_tokens_at_most
    from {{ ref('int_anomalies__baselines') }}
    where
        previous_date is not null
        and tokens is null
        and previous_tokens is not null
        -- The median of fewer than three listed days is not a baseline.
        and week_days_listed >= 3

)

select
    date,
    'disappearance' as kind,
    subject_type,
    subject,
    subject_name,
    false as is_up,
    unlisted_tokens_high as value,
    expected_tokens_at_most as expected,
    100 * (expected_tokens_at_most - unlisted_tokens_high) / total_tokens as score,
    {{ filled('sentences.template', {
        'bound': tokens_in_words('unlisted_tokens_high'),
        'previous_tokens': tokens_in_words('previous_tokens'),
        'previous_date': date_in_words('previous_date'),
        'week_tokens': tokens_in_words('week_tokens'),
        'subject': 'subject_name',
    }) }} as evidence,
    is_suspect,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from disappearances
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'disappearance'
