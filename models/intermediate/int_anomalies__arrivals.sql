{{ config(materialized='view') }}
-- Arrivals: members that are newly listed with a share above their upper bound on the observed day before, which may be
-- up to three days earlier.
with arrivals as (

    select
        *,
        100 * (share - previous_share_high) as score
    from {{ ref('int_anomalies__baselines') }}
    where previous_date is not null and tokens is not null and previous_tokens is null

)

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
    {{ filled('sentences.template', {
        'share': as_percent('share'),
        'previous_date': date_in_words('previous_date'),
        'bound': as_percent('previous_share_high'),
        'subject': 'subject_name',
    }) }} as evidence,
    is_suspect,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from arrivals
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'arrival'
