-- Observed tokens over the days of each public figure, with their upper bound: a group of models may have any part of
-- the unlisted tokens. A figure has no row if a day was not observed or the marts do not measure its subject.
with figures as (

    select
        *,
        case subject_type when 'country' then 'author_country' else subject_type end as member_type
    from {{ ref('public_figures') }}

),

-- A figure may cover a calendar period or any 1, 7 or 28 consecutive days.
windows as (

    select
        ranking,
        true as is_period,
        period_start as window_start,
        period_end as window_end,
        total_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
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
        total_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
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
        {{ period_end('period', 'period_start') }} as window_end,
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

-- There are few figures, so only the members of their windows are added up.
measured as (

    select *
    from listed
    semi join figures using (window_start, window_end)

),

-- A figure about a model includes all its variants.
members as (

    select
        ranking,
        is_period,
        window_start,
        window_end,
        member_type,
        case member_type when 'model' then {{ base_slug('member') }} else member end as member,
        cast(sum(tokens) as bigint) as tokens,
        cast(sum(tokens_high) as bigint) as tokens_high
    from measured
    group by all

)

select
    figures.figure_id,
    case figures.member_type when 'total' then windows.total_tokens else coalesce(members.tokens, 0) end as tokens,
    least(
        case
            when figures.member_type = 'total' then windows.total_tokens
            when figures.member_type in ('model', 'app')
                then coalesce(members.tokens_high, windows.unlisted_member_tokens_high)
            when figures.member_type = 'author' then coalesce(members.tokens, 0) + windows.unlisted_group_tokens_high
            else coalesce(members.tokens_high, windows.unlisted_group_tokens_high)
        end,
        windows.total_tokens
    ) as tokens_high,
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
    or (figures.member_type in ('author_country', 'weights', 'reasoning') and windows.is_period)
-- The week that the source reports takes precedence over the seven days.
qualify row_number() over (partition by figures.figure_id order by windows.is_period desc) = 1
