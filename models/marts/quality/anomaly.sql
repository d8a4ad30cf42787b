-- Changes worth investigating, one row per event. An anomaly is not necessarily an error.
select
    events.date,
    events.kind,
    events.subject_type,
    events.subject,
    events.subject_name,
    cast(events.value as double) as value,
    cast(events.expected as double) as expected,
    cast(events.score as double) as score,
    events.threshold,
    kinds.unit as score_unit,
    events.peak_date,
    events.last_date,
    events.days_flagged,
    events.is_listed,
    events.evidence,
    kinds.hint,
    events.scope_id,
    events.source_url,
    events.as_of,
    events.oldest_as_of,
    events.checked_at
from {{ ref('int_anomalies__events') }} as events
inner join {{ ref('anomaly_kinds') }} as kinds using (kind)
