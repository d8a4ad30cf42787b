-- What we observed over the days of each public figure, and the most it can have been: a group of models may have any
-- part of what is not listed. A figure whose days are not all observed, or that is of something else, has no row.
with figures as (

    select
        *,
        case subject_type when 'country' then 'author_country' else subject_type end as member_type
    from {{ ref('public_figures') }}

),

windows as (

    select * from {{ ref('int_windows') }}
    where is_whole

),

-- A figure of a model counts all its variants.
members as (

    select
        ranking,
        span,
        span_start,
        member_type,
        case member_type when 'model' then {{ base_slug('member') }} else member end as member,
        cast(sum(tokens) as bigint) as tokens,
        cast(sum(tokens_high) as bigint) as tokens_high
    from {{ ref('int_windows__members') }}
    group by all

)

select
    figures.figure_id,
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
        figures.window_start = windows.span_start
        and figures.window_end = windows.span_end
        and windows.ranking = case figures.member_type when 'app' then 'apps' else 'all' end
left join members
    on
        windows.ranking = members.ranking
        and windows.span = members.span
        and windows.span_start = members.span_start
        and figures.member_type = members.member_type
        and figures.subject = members.member
where
    figures.member_type in ('total', 'model', 'author', 'app')
    or (
        figures.member_type in ('author_country', 'weights', 'reasoning')
        and windows.span in ('day', 'week', 'month')
    )
-- A week is the source's own where there is one, else seven days.
qualify
    row_number() over (
        partition by figures.figure_id order by windows.span in ('day', 'week', 'month') desc, windows.span asc
    ) = 1
