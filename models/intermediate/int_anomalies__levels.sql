-- Days on which a member's usage is far from what the days before suggest: token spikes and drops, and share jumps.
-- `score` measures the day against its baseline, `recent_score` against the median of the three days just before, and
-- `step_score` against each of these three: a ramp leaves its baseline at some point, but never the days just before.
with usage as (

    select * from {{ ref('int_anomalies__usage') }}
    where tokens is not null

),

spikes_and_drops as (

    select
        *,
        level >= expected_level as is_up,
        abs(level - expected_level) / scale as score,
        case when level >= expected_level then level - recent_level else recent_level - level end / scale
            as recent_score,
        -- In tokens as well as in share: less traffic of others is no spike. For the total its growth alone counts.
        case
            when level >= expected_level and subject_type = 'total' then level - recent_level_high
            when level >= expected_level then least(level - recent_level_high, ln(tokens / recent_tokens_high))
            when subject_type = 'total' then recent_level_low - level
            else least(recent_level_low - level, ln(recent_tokens_low / tokens))
        end / scale as step_score
    from usage
    where days_before >= 10 and recent_level_high is not null

),

-- An unlisted day of the week before counts at its bound for a rise and as nothing for a fall: a jump is certain.
share_jumps as (

    select
        *,
        share >= week_share_high as is_up,
        100 * case when share >= week_share_high then share - week_share_high else week_share_low - share end as score,
        100 * case when share >= week_share_high then share - recent_share else recent_share - share end
            as recent_score,
        100
        * case when share >= week_share_high then share - recent_share_high else recent_share_low - share end
            as step_score
    from usage
    -- On a day after one that did not list it, the same change is an arrival.
    where
        subject_type in ('model', 'author')
        and week_days >= 5
        and previous_date is not null
        and previous_tokens is not null

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
    'On ' || date || ', ' || subject_name || ' had ' || {{ tokens_in_words('tokens') }}
    || ' tokens; the 14 days before suggest ' || {{ tokens_in_words('expected_tokens') }} || '.'
    || {{ suspect_note() }} as evidence,
    true as is_listed,
    scope_id,
    source_url,
    as_of,
    baseline_oldest_as_of as oldest_as_of,
    checked_at
from spikes_and_drops

union all

select
    date,
    'share_jump' as kind,
    subject_type,
    subject,
    subject_name,
    is_up,
    share as value,
    case when is_up then week_share_high else week_share_low end as expected,
    score,
    recent_score,
    step_score,
    'On ' || date || ', ' || subject_name || ' had a share of ' || {{ as_percent('share') }} || ', after a median of '
    || {{ as_percent('case when is_up then week_share_high else week_share_low end') }}
    || ' in the seven days before.' || {{ suspect_note() }} as evidence,
    true as is_listed,
    scope_id,
    source_url,
    as_of,
    baseline_oldest_as_of as oldest_as_of,
    checked_at
from share_jumps
