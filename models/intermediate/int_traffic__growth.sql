-- Growth of the total up to each day, for every horizon, per year and by its trend. A window is left out if a response
-- in it looks truncated, because its total is too small by an unknown amount.
with windows as (

    select * from {{ ref('int_growth__windows') }}
    where ranking = 'all' and total_tokens is not null and base_total_tokens is not null and not is_truncated

),

totals as (

    select * from {{ ref('int_windows__totals') }}
    where ranking = 'all' and window_days = 28 and is_whole and not is_truncated

),

apps as (

    select * from {{ ref('int_growth__members') }}
    where ranking = 'apps' and horizon = '7d'

),

by_horizon as (

    select
        window_end,
        {% for horizon in ['1d', '7d', '28d', '364d'] -%}
            max(total_tokens / base_total_tokens - 1) filter (where horizon = '{{ horizon }}')
                as growth_{{ horizon }},
        {% endfor -%}
        {{ provenance_of_sums('windows') }}
    from windows
    group by window_end

),

-- One app can cause most of a week's growth, so this compares both windows without the app that leads the newer one, if
-- that app is listed on every day of both.
without_top_app as (

    select
        apps.window_end,
        (windows.total_tokens - apps.tokens) / (windows.base_total_tokens - apps.base_tokens) - 1
            as growth_7d_without_top_app,
        apps.scope_id,
        apps.source_url,
        apps.as_of,
        apps.oldest_as_of,
        apps.checked_at
    from apps
    inner join windows using (horizon, window_end)
    where apps.rank = 1 and apps.is_complete

),

-- Annual growth is measured from the first complete 28-day window, the longest comparison available.
oldest as (

    select * from totals
    where window_end = (select min(first.window_end) from totals as first)

),

annual as (

    select
        newest.window_end,
        power(newest.total_tokens / oldest.total_tokens, 365e0 / (newest.window_end - oldest.window_end)) - 1 as cagr,
        newest.scope_id,
        newest.source_url,
        {{ merged_times('newest', 'oldest') }}
    from totals as newest
    inner join oldest on newest.window_end - oldest.window_end >= 364

),

trend as (

    select * from {{ ref('int_traffic__trend') }}

),

provenance as (

    {{ provenance_by('window_end', ['by_horizon', 'without_top_app', 'annual', 'trend']) }}

)

select
    window_end,
    by_horizon.growth_1d,
    by_horizon.growth_7d,
    by_horizon.growth_28d,
    by_horizon.growth_364d,
    without_top_app.growth_7d_without_top_app,
    annual.cagr,
    trend.doubling_days,
    trend.doubling_days_low,
    trend.doubling_days_high,
    provenance.scope_id,
    provenance.source_url,
    provenance.as_of,
    provenance.oldest_as_of,
    provenance.checked_at
from provenance
left join by_horizon using (window_end)
left join without_top_app using (window_end)
left join annual using (window_end)
left join trend using (window_end)
