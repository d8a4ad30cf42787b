{{ config(materialized='view') }}
-- Share jumps of models and authors: days on which a share is far from its median over the seven days before. An
-- unlisted day counts with its upper bound for a rise and as zero for a fall, so that unlisted tokens cannot explain
-- the jump.
with listed as (

    select
        *,
        share >= week_share_high as is_up
    from {{ ref('int_anomalies__baselines') }}
    where
        tokens is not null
        and subject_type in ('model', 'author')
        -- The median of fewer than five of the seven days is not a baseline.
        and week_days_observed >= 5
        -- If the day before does not list the member, the change is an arrival instead.
        and previous_tokens is not null

),

scored as (

    select
        *,
        'share_jump' as kind,
        case when is_up then week_share_high else week_share_low end as expected,
        100 * case when is_up then share - week_share_high else week_share_low - share end as score,
        100 * case when is_up then share - recent_share else recent_share - share end as recent_score,
        100 * case when is_up then share - recent_share_high else recent_share_low - share end as step_score
    from listed

)

-- Sentences take long, so days below the threshold are left out here instead of in int_anomalies__flagged.
select
    scored.date,
    scored.kind,
    scored.subject_type,
    scored.subject,
    scored.subject_name,
    scored.is_up,
    scored.share as value,
    scored.expected,
    scored.score,
    scored.recent_score,
    scored.step_score,
    {{ filled('sentences.template', {
        'date': date_in_words('scored.date'),
        'share': as_percent('scored.share'),
        'expected': as_percent('scored.expected'),
        'subject': 'scored.subject_name',
    }) }} as evidence,
    scored.is_suspect,
    scored.scope_id,
    scored.source_url,
    scored.as_of,
    scored.oldest_as_of,
    scored.checked_at
from scored
inner join {{ ref('anomaly_kinds') }} as kinds on scored.kind = kinds.kind and scored.score >= kinds.threshold
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'share_jump'
