-- Observed tokens of each model, author and app in each rolling window, with their upper bound. If a day does not list
-- a member, its tokens are unknown, never zero. Segments have no windows, because the drivers show growth by segment.
-- Each window has a number, because DuckDB groups and sorts by a number faster than by names.
with windows as (

    select
        *,
        row_number() over (order by ranking, window_days, window_end) as window_number
    from {{ ref('int_windows__totals') }}

),

days as (

    select
        *,
        {{ days_between('window_start', 'window_end') }} as date
    from windows

),

listed as (

    select * from {{ ref('int_members__observed') }}
    where period = 'day' and member_type in ('model', 'author', 'app')

),

added_up as (

    select
        days.window_number,
        listed.member_type,
        listed.member,
        cast(sum(listed.tokens) as bigint) as tokens,
        {{ added_up_tokens_high('days') }} as tokens_high
    from days
    inner join listed on days.ranking = listed.ranking and days.date = listed.period_start
    group by days.window_number, listed.member_type, listed.member

),

ranked as (

    select
        *,
        row_number() over (partition by window_number, member_type order by tokens desc, member asc) as rank
    from added_up

)

select
    windows.ranking,
    windows.window_days,
    windows.window_start,
    windows.window_end,
    ranked.* exclude (window_number)
from ranked
inner join windows using (window_number)
