-- Days that reach the threshold of their kind, from all detectors: one row per kind, subject and day.
{%- set detectors = [
    'token_changes', 'share_jumps', 'new_leaders', 'arrivals', 'disappearances', 'price_jumps', 'promotions'
] %}
{#- Only these compare a day with each of the three days before; for the others, all three distances are score. -#}
{%- set detectors_with_steps = ['token_changes', 'share_jumps'] %}
{#- Prices from suspect responses are left out before these detectors read them. -#}
{%- set detectors_of_prices = ['price_jumps', 'promotions'] %}
with detected as (

    {% for detector in detectors -%}
        select
            date,
            kind,
            subject_type,
            subject,
            subject_name,
            is_up,
            value,
            expected,
            score,
            {{ 'recent_score' if detector in detectors_with_steps else 'score' }} as recent_score,
            {{ 'step_score' if detector in detectors_with_steps else 'score' }} as step_score,
            evidence,
            {{ 'false' if detector in detectors_of_prices else 'is_suspect' }} as is_suspect,
            scope_id,
            source_url,
            as_of,
            oldest_as_of,
            checked_at
        from {{ ref('int_anomalies__' ~ detector) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Prices and discounts may change several times a day, so only the largest change of a day counts.
largest as (

    select
        detected.*,
        kinds.threshold,
        kinds.step_threshold
    from detected
    inner join {{ ref('anomaly_kinds') }} as kinds using (kind)
    where detected.score >= kinds.threshold
    qualify
        row_number() over (
            partition by detected.date, detected.kind, detected.subject_type, detected.subject
            order by detected.score desc, detected.as_of desc, detected.evidence asc
        ) = 1

)

select
    largest.date,
    largest.kind,
    largest.subject_type,
    largest.subject,
    largest.subject_name,
    largest.is_up,
    largest.value,
    largest.expected,
    largest.score,
    largest.recent_score,
    largest.step_score,
    largest.threshold,
    largest.step_threshold,
    largest.evidence
    || case when largest.is_suspect then ' ' || sentences.template else '' end as evidence,
    -- Most price changes affect ids without published usage; is_listed lets readers filter them out.
    largest.subject_type <> 'model_id' or exists (
        select 1 from {{ ref('int_usage__matched') }} as listed
        where largest.subject = listed.model_id and listed.date between largest.date - 7 and largest.date
    ) as is_listed,
    largest.scope_id,
    largest.source_url,
    largest.as_of,
    largest.oldest_as_of,
    largest.checked_at
from largest
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'suspect_day'
