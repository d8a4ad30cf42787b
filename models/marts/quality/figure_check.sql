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

-- A figure is about a calendar period, or about any 1, 7 or 28 days.
windows as (

    select
        ranking,
        true as is_period,
        period_start as window_start,
        period_end as window_end,
        basis,
        total_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('int_periods__totals') }}
    where is_whole

    union all

    select
        ranking,
        false as is_period,
        window_start,
        window_end,
        'days' as basis,
        total_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('int_windows__totals') }}
    where is_whole

),

listed as (

    select
        ranking,
        true as is_period,
        period_start as window_start,
        period_end as window_end,
        member_type,
        member,
        tokens,
        tokens_high
    from {{ ref('int_periods__members') }}

    union all

    select
        ranking,
        false as is_period,
        window_start,
        window_end,
        member_type,
        member,
        tokens,
        tokens_high
    from {{ ref('int_windows__members') }}

),

-- A model is meant with all its variants.
members as (

    select
        ranking,
        is_period,
        window_start,
        window_end,
        member_type,
        case member_type when 'model' then {{ base_slug('member') }} else member end as member,
        sum(tokens) as tokens,
        sum(tokens_high) as tokens_high
    from listed
    group by all

),

newest as (

    select * from windows
    where ranking = 'all'
    qualify row_number() over (order by window_end desc, as_of desc, is_period asc, window_start desc) = 1

),

held as (

    select
        figures.figure_id,
        windows.basis,
        case figures.member_type when 'total' then windows.total_tokens else coalesce(members.tokens, 0) end as tokens,
        case
            when figures.member_type = 'total' then windows.total_tokens
            when figures.member_type in ('model', 'app')
                then coalesce(members.tokens_high, windows.unlisted_member_tokens_high)
            when figures.member_type = 'author' then coalesce(members.tokens, 0) + windows.unlisted_group_tokens_high
            else coalesce(members.tokens_high, windows.unlisted_group_tokens_high)
        end as tokens_high,
        windows.total_tokens,
        windows.as_of,
        windows.oldest_as_of,
        windows.checked_at
    from figures
    inner join windows
        on
            figures.window_start = windows.window_start
            and figures.window_end = windows.window_end
            and windows.ranking = case figures.member_type when 'app' then 'apps' else 'all' end
    left join members
        on
            windows.ranking = members.ranking
            and windows.is_period = members.is_period
            and windows.window_start = members.window_start
            and windows.window_end = members.window_end
            and figures.member_type = members.member_type
            and figures.subject = members.member
    where
        figures.member_type in ('total', 'model', 'author', 'app')
        or (
            figures.member_type in ('author_country', 'weights', 'reasoning')
            and windows.is_period
        )
    -- A week is the source's own where there is one, else seven days.
    qualify
        row_number() over (partition by figures.figure_id order by windows.is_period desc) = 1

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
