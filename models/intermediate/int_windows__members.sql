-- Observed tokens of each model, author and app in each rolling window, with their upper bound. If a day does not list
-- a member, its tokens are unknown, never zero. Segments have no windows, because the drivers show growth by segment.
with windows as (

    select
        *,
        {{ days_between('window_start', 'window_end') }} as date
    from {{ ref('int_windows__totals') }}

),

listed as (

    select * from {{ ref('int_members__observed') }}
    where period = 'day' and member_type in ('model', 'author', 'app')

),

added_up as (

    select
        windows.ranking,
        windows.window_days,
        windows.window_start,
        windows.window_end,
        listed.member_type,
        listed.member,
        cast(sum(listed.tokens) as bigint) as tokens,
        {{ added_up_tokens_high('windows') }} as tokens_high
    from windows
    inner join listed on windows.ranking = listed.ranking and windows.date = listed.period_start
    group by all

)

select
    *,
    row_number() over (
        partition by ranking, window_days, window_end, member_type order by tokens desc, member asc
    ) as rank
from added_up
