-- How the total had grown by each day: on every horizon, by the year, and how fast it doubles. Nothing is said of a
-- window in which a response looks truncated: its total is too small by an unknown amount.
with windows as (

    select * from {{ ref('int_growth__windows') }}
    where ranking = 'all' and total_tokens is not null and base_total_tokens is not null and not is_truncated

),

days as (

    select * from {{ ref('int_rankings__totals') }}
    where ranking = 'all' and period = 'day'

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

-- Both windows without the app that leads the newer one, as long as it is listed on every day of both.
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

-- Against the first complete 28-day window there is.
annual as (

    select
        newest.window_end,
        power(newest.total_tokens / oldest.total_tokens, 365.0 / (newest.window_end - oldest.window_end)) - 1 as cagr,
        newest.scope_id,
        newest.source_url,
        greatest(newest.as_of, oldest.as_of) as as_of,
        least(newest.oldest_as_of, oldest.oldest_as_of) as oldest_as_of,
        case when oldest.as_of > newest.as_of then oldest.checked_at else newest.checked_at end as checked_at
    from totals as newest
    inner join totals as oldest on newest.window_end - oldest.window_end >= 364
    qualify row_number() over (partition by newest.window_end order by oldest.window_end asc) = 1

),

logarithms as (

    select
        totals.window_end,
        totals.scope_id,
        totals.source_url,
        totals.as_of,
        totals.oldest_as_of,
        totals.checked_at,
        ln(days.total_tokens) as ln_tokens,
        days.period_start - totals.window_start as day
    from totals
    inner join days on days.period_start between totals.window_start and totals.window_end

),

-- Least-squares slope of ln(daily total) over 28 days, and its standard error. Day by day, since doubles that are added
-- up in another order end in another digit.
trend as (

    select
        * exclude (ln_tokens, day),
        regr_slope(ln_tokens, day order by day) as slope,
        sqrt(
            greatest(
                regr_syy(ln_tokens, day order by day)
                - power(regr_slope(ln_tokens, day order by day), 2) * regr_sxx(ln_tokens, day order by day),
                0
            )
            / 26
            / regr_sxx(ln_tokens, day order by day)
        ) as slope_error
    from logarithms
    group by all

),

doubling as (

    select
        *,
        ln(2) / slope as doubling_days,
        -- 2.0555: 97.5th percentile of Student's t with 26 degrees of freedom.
        ln(2) / (slope + 2.055529 * slope_error) as doubling_days_low,
        ln(2) / (slope - 2.055529 * slope_error) as doubling_days_high
    from trend
    where slope - 2.055529 * slope_error > 0

),

inputs as (

    {% for input in ['by_horizon', 'without_top_app', 'annual', 'trend'] -%}
        select
            window_end,
            scope_id,
            source_url,
            as_of,
            oldest_as_of,
            checked_at
        from {{ input }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

provenance as (

    select
        window_end,
        {{ provenance_of_sums('inputs') }}
    from inputs
    group by window_end

)

select
    window_end,
    by_horizon.growth_1d,
    by_horizon.growth_7d,
    by_horizon.growth_28d,
    by_horizon.growth_364d,
    without_top_app.growth_7d_without_top_app,
    annual.cagr,
    doubling.doubling_days,
    doubling.doubling_days_low,
    doubling.doubling_days_high,
    provenance.scope_id,
    provenance.source_url,
    provenance.as_of,
    provenance.oldest_as_of,
    provenance.checked_at
from provenance
left join by_horizon using (window_end)
left join without_top_app using (window_end)
left join annual using (window_end)
left join doubling using (window_end)
