{{ config(materialized='view') }}
-- Token spikes and drops: days on which the tokens of a subject are far from those expected from the days before.
-- `score` is the distance from the baseline, `recent_score` the distance from the median of the three days before, and
-- `step_score` the distance from the nearest of those three.
with listed as (

    select
        *,
        level >= expected_level as is_up
    from {{ ref('int_anomalies__baselines') }}
    where
        tokens is not null
        -- The median of fewer than 10 of the 14 days is not a baseline.
        and days_before >= 10
        and recent_level_high is not null

),

-- A step must show in tokens as well as in share, because a share also rises when others fall, which is not a spike.
-- The total has no share, so its growth is used instead.
scored as (

    select
        *,
        case when is_up then 'token_spike' else 'token_drop' end as kind,
        abs(level - expected_level) / scale as score,
        case when is_up then level - recent_level else recent_level - level end / scale as recent_score,
        case
            when is_up and subject_type = 'total' then level - recent_level_high
            when is_up then least(level - recent_level_high, ln(tokens / recent_tokens_high))
            when subject_type = 'total' then recent_level_low - level
            else least(recent_level_low - level, ln(recent_tokens_low / tokens))
        end / scale as step_score
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
    scored.tokens as value,
    scored.expected_tokens as expected,
    scored.score,
    scored.recent_score,
    scored.step_score,
    {{ filled('sentences.template', {
        'date': date_in_words('scored.date'),
        'tokens': tokens_in_words('scored.tokens'),
        'expected': tokens_in_words('scored.expected_tokens'),
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
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'token_change'
