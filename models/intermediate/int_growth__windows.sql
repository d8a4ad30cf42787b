-- Each rolling window with its base window: the one before, or the one 364 days (52 weeks) earlier. A window is left
-- out if its base window ends before the first observed day.
with windows as (

    select * from {{ ref('int_windows__totals') }}

),

horizons as (

    select * from {{ ref('horizons') }}

),

-- A window has a row for each horizon of its length: 28 days are compared with the 28 days before and with last year's.
compared as (

    select
        windows.ranking,
        horizons.horizon,
        horizons.window_days,
        horizons.step_days,
        windows.window_start,
        windows.window_end,
        windows.window_end - horizons.step_days as base_end,
        min(windows.window_end) over (partition by windows.ranking) as first_day
    from windows
    inner join horizons using (window_days)
    qualify base_end >= first_day

),

-- The two windows are separate rows, so that one aggregate merges their provenance. A base window has no row if its
-- last day was not observed.
ends as (

    select
        *,
        false as is_base,
        window_end as last_day
    from compared

    union all

    select
        *,
        true as is_base,
        base_end as last_day
    from compared

),

both_windows as (

    select
        ends.*,
        windows.is_whole,
        windows.is_truncated,
        windows.total_tokens,
        windows.other_tokens,
        windows.scope_id,
        windows.source_url,
        windows.as_of,
        windows.oldest_as_of,
        windows.checked_at
    from ends
    inner join windows
        on
            ends.ranking = windows.ranking
            and ends.window_days = windows.window_days
            and ends.last_day = windows.window_end

)

select
    ranking,
    horizon,
    window_days,
    step_days,
    window_start,
    window_end,
    base_end,
    max(total_tokens) filter (where not is_base and is_whole) as total_tokens,
    max(other_tokens) filter (where not is_base and is_whole) as other_tokens,
    max(total_tokens) filter (where is_base and is_whole) as base_total_tokens,
    max(other_tokens) filter (where is_base and is_whole) as base_other_tokens,
    bool_or(is_truncated) as is_truncated,
    {{ provenance_of_sums('both_windows') }}
from both_windows
group by ranking, horizon, window_days, step_days, window_start, window_end, base_end
