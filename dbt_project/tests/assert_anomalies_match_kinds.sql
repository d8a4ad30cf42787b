{{ config(meta={'dagster': {'ref': {'name': 'anomaly'}}}) }}
-- Each anomaly has the threshold and the hint of its kind in the seed.
select
    anomaly.date,
    anomaly.kind,
    anomaly.subject
from {{ ref('anomaly') }} as anomaly
left join {{ ref('anomaly_kinds') }} as kinds using (kind)
where anomaly.threshold is distinct from kinds.threshold or anomaly.hint is distinct from kinds.hint
