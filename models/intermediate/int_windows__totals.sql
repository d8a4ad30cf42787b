-- Totals of all traffic and of apps in the rolling windows up to each observed day, one for each length of window.
with days as (

    select * from {{ ref('int_periods__observed') }}
    where period = 'day' and ranking in ('all', 'apps')

),

-- Several horizons may have windows of the same length.
lengths as (

    select distinct window_days from {{ ref('horizons') }}

),

windows as (

    select
        days.ranking,
        lengths.window_days,
        days.period_start - lengths.window_days + 1 as window_start,
        days.period_start as window_end
    from days
    cross join lengths

),

windows_by_day as (

    select
        *,
        {{ days_between('window_start', 'window_end') }} as date
    from windows

),

totals as (

    select
        windows.ranking,
        windows.window_days,
        windows.window_start,
        windows.window_end,
        {{ totals_of_days('windows.window_start', 'windows.window_end') }}
    from windows_by_day as windows
    inner join days on windows.ranking = days.ranking and windows.date = days.period_start
    group by windows.ranking, windows.window_days, windows.window_start, windows.window_end

)

select * from totals
where ranking <> 'apps'

union all

{{ totals_of_apps('totals', 'window_days, window_end', ['window_days', 'window_start', 'window_end']) }}
