-- Doubling time of the total, from the slope of the logarithm of the daily totals over the 28 days up to each day. A
-- window is left out if a response in it looks truncated, because its total is too small by an unknown amount.
with totals as (

    select * from {{ ref('int_windows__totals') }}
    where ranking = 'all' and window_days = 28 and is_whole and not is_truncated

),

days as (

    select * from {{ ref('int_periods__observed') }}
    where ranking = 'all' and period = 'day'

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

-- Least-squares slope and its standard error. Rows are ordered by day, because a sum of doubles depends on the order of
-- its terms.
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

-- 2.0555 is the 97.5th percentile of Student's t with 26 degrees of freedom.
bounded as (

    select
        *,
        slope - 2.055529 * slope_error as slope_low,
        slope + 2.055529 * slope_error as slope_high
    from trend

)

-- The doubling time is null unless the entire interval of the slope is positive.
select
    window_end,
    case when slope_low > 0 then ln(2) / slope end as doubling_days,
    case when slope_low > 0 then ln(2) / slope_high end as doubling_days_low,
    case when slope_low > 0 then ln(2) / slope_low end as doubling_days_high,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from bounded
