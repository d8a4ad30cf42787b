-- Figures about this traffic that others have published, held against ours over the same days. Ours is what was
-- observed, and the most it can have been: a group of models may have any part of what is not listed. A figure is met
-- within one in a hundred of what was observed, or half a unit of its last digit.
with figures as (

    select
        *,
        case subject_type
            when 'country' then 'author_country'
            else subject_type
        end as member_type,
        case period when 'day' then 1 when 'week' then 7 end as days
    from {{ ref('public_figures') }}

),

spans as (

    select * from {{ ref('int_windows') }}
    where is_whole

),

-- A model is meant with all its variants.
members as (

    select
        ranking,
        span,
        span_start,
        case member_type when 'app' then 'app' else member_type end as member_type,
        case member_type when 'model' then {{ base_slug('member') }} else member end as member,
        sum(tokens) as tokens,
        sum(tokens_high) as tokens_high
    from {{ ref('int_windows__members') }}
    group by all

),

newest as (

    select * from spans
    where ranking = 'all'
    qualify row_number() over (order by span_end desc, as_of desc, span asc) = 1

),

held as (

    select
        figures.figure_id,
        spans.span,
        spans.basis,
        case figures.member_type when 'total' then spans.total_tokens else coalesce(members.tokens, 0) end as tokens,
        case
            when figures.member_type = 'total' then spans.total_tokens
            when figures.member_type in ('model', 'app')
                then coalesce(members.tokens_high, spans.unlisted_member_tokens_high)
            when figures.member_type = 'author' then coalesce(members.tokens, 0) + spans.unlisted_group_tokens_high
            else coalesce(members.tokens_high, spans.unlisted_group_tokens_high)
        end as tokens_high,
        spans.total_tokens,
        spans.as_of,
        spans.oldest_as_of,
        spans.checked_at
    from figures
    inner join spans
        on
            figures.window_start = spans.span_start
            and figures.window_end = spans.span_end
            and spans.ranking = case figures.member_type when 'app' then 'apps' else 'all' end
    left join members
        on
            spans.ranking = members.ranking
            and spans.span = members.span
            and spans.span_start = members.span_start
            and figures.member_type = members.member_type
            and figures.subject = members.member
    where
        figures.member_type in ('total', 'model', 'author', 'app')
        or (
            figures.member_type in ('author_country', 'weights', 'reasoning')
            and spans.span in ('day', 'week', 'month')
        )
    -- A week is the source's own where there is one, else seven days.
    qualify
        row_number() over (
            partition by figures.figure_id order by spans.span in ('day', 'week', 'month') desc, spans.span asc
        ) = 1

),

compared as (

    select
        figures.*,
        held.basis,
        case figures.metric when 'share' then held.tokens / held.total_tokens else held.tokens end as our_value,
        case figures.metric when 'share' then held.tokens_high / held.total_tokens else held.tokens_high end
            as our_value_high,
        held.as_of,
        held.oldest_as_of,
        held.checked_at
    from figures
    left join held using (figure_id)

),

judged as (

    select
        *,
        greatest(0.01 * value, rounded_to / 2) as tolerance,
        case
            when member_type not in ('total', 'model', 'author', 'app', 'author_country', 'weights', 'reasoning')
                then 'The source does not publish this for all traffic.'
            when window_start is null or window_end is null then 'Which days are meant is not said.'
            when our_value is null then 'We do not hold every day that is meant.'
            when value > our_value + tolerance and value <= our_value_high + tolerance
                then 'It lies between what was observed and the most that it can have been.'
        end as why_undecidable
    from compared

)

select
    judged.figure_id,
    judged.said_by,
    judged.said_on,
    judged.subject_type,
    judged.subject,
    judged.metric,
    judged.period,
    judged.window_start,
    judged.window_end,
    judged.value as said_value,
    judged.is_at_least,
    cast(judged.our_value as double) as our_value,
    cast(judged.our_value_high as double) as our_value_high,
    100 * (judged.value / nullif(judged.our_value, 0) - 1) as difference_pct,
    case
        when judged.why_undecidable is not null then 'undecidable'
        when
            judged.value <= judged.our_value + judged.tolerance
            and (judged.is_at_least or judged.value >= judged.our_value - judged.tolerance) then 'match'
        else 'mismatch'
    end as verdict,
    coalesce(judged.why_undecidable, judged.note) as why,
    judged.evidence_url,
    judged.checked_on as evidence_checked_on,
    newest.scope_id,
    newest.source_url,
    coalesce(judged.as_of, newest.as_of) as as_of,
    coalesce(judged.oldest_as_of, newest.oldest_as_of) as oldest_as_of,
    coalesce(judged.checked_at, newest.checked_at) as checked_at
from judged
cross join newest
-- What was said of the real traffic says nothing of a made-up one.
where newest.scope_id <> 'simulated'
