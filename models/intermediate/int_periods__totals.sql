-- Total of each ranking in each day, week and month, as the source reports it or else summed from its days.
with observed as (

    select * from {{ ref('int_periods__observed') }}

),

days as (

    select * from observed
    where period = 'day'

),

-- Every week and month with an observed day gets a row, even if the source does not report it.
calendar as (

    select
        days.* exclude (period, period_start, period_end),
        kinds.period,
        cast(date_trunc(kinds.period, days.period_start) as date) as period_start
    from days
    cross join (values ('week'), ('month')) as kinds (period)

),

bounded as (

    select
        *,
        {{ period_end('period', 'period_start') }} as period_end
    from calendar

),

added_up as (

    select
        days.ranking,
        days.period,
        days.period_start,
        days.period_end,
        'days' as basis,
        max(days.as_of) as ranking_as_of,
        {{ totals_of_days('days.period_start', 'days.period_end') }}
    from bounded as days
    group by days.ranking, days.period, days.period_start, days.period_end

),

-- A period that the source reports itself is not summed from its days.
totals as (

    select
        ranking,
        period,
        period_start,
        period_end,
        'source' as basis,
        as_of as ranking_as_of,
        true as is_whole,
        total_tokens,
        other_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
        is_suspect,
        is_truncated,
        scope_id,
        source_url,
        as_of,
        as_of as oldest_as_of,
        fetched_at as checked_at
    from observed

    union all

    select added_up.*
    from added_up
    left join observed using (ranking, period, period_start)
    where observed.period is null

)

select * from totals
where ranking <> 'apps'

union all

{{ totals_of_apps(
    'totals', 'period, period_start', ['period', 'period_start', 'period_end', 'basis', 'ranking_as_of']
) }}
