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

select
    date,
    case when is_up then 'token_spike' else 'token_drop' end as kind,
    subject_type,
    subject,
    subject_name,
    is_up,
    tokens as value,
    expected_tokens as expected,
    score,
    recent_score,
    step_score,
    {{ filled('sentences.template', {
        'date': date_in_words('date'),
        'tokens': tokens_in_words('tokens'),
        'expected': tokens_in_words('expected_tokens'),
        'subject': 'subject_name',
    }) }} as evidence,
    is_suspect,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from scored
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'token_change'
