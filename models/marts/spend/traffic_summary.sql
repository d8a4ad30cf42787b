-- What all traffic of a day, week or month adds up to, how it grows, who it is concentrated on and what it costs.
with periods as (

    select
        span as period,
        span_start as period_start,
        span_end as period_end,
        basis,
        total_tokens,
        other_tokens
    from {{ ref('int_spans') }}
    where span in ('day', 'week', 'month') and is_whole

),

members as (

    select
        span as period,
        span_start as period_start,
        member_type,
        member,
        tokens,
        rank
    from {{ ref('int_spans__members') }}

),

concentration as (

    select
        period,
        period_start,
        {% for member_type in ['model', 'author'] -%}
            count(*) filter (where member_type = '{{ member_type }}') as {{ member_type }}s_listed,
            cast(
                sum(cast(tokens as decimal(19, 0)) * cast(tokens as decimal(19, 0)))
                filter (where member_type = '{{ member_type }}') as double
            ) as {{ member_type }}_squares,
        {% endfor -%}
        max(tokens) filter (where member_type = 'author') as leading_author_tokens,
        min(tokens) filter (where member_type = 'model') as last_listed_tokens,
    {% for top in [1, 3, 5, 10] -%}
        sum(tokens) filter (where member_type = 'model' and rank <= {{ top }}) as top_{{ top }}_tokens
        {{- ',' if not loop.last }}
    {% endfor %}
    from members
    group by period, period_start

),

windows as (

    select * from {{ ref('int_spans') }}
    where span in ('1d', '7d', '28d') and is_whole

),

window_growth as (

    select
        windows.span,
        windows.span_end,
        windows.total_tokens / base.total_tokens - 1 as growth
    from windows
    inner join windows as base
        on
            windows.span = base.span
            and windows.span_end - windows.days = base.span_end

),

growth as (

    select
        span_end as period_end,
        max(growth) filter (where span = '1d') as growth_1d,
        max(growth) filter (where span = '7d') as growth_7d,
        max(growth) filter (where span = '28d') as growth_28d
    from window_growth
    group by span_end

),

-- Against the first complete 28-day window there is.
annual_growth as (

    select
        newest.span_end as period_end,
        oldest.span_end as first_window_end,
        power(newest.total_tokens / oldest.total_tokens, 365.0 / (newest.span_end - oldest.span_end)) - 1 as cagr
    from windows as newest
    inner join windows as oldest
        on
            newest.span = oldest.span
            and newest.span_end - oldest.span_end >= 364
    where newest.span = '28d'
    qualify row_number() over (partition by newest.span_end order by oldest.span_end asc) = 1

),

-- Least-squares slope of ln(daily total) over 28 days, and its standard error.
trend as (

    select
        windows.span_end as period_end,
        regr_slope(ln(days.total_tokens), days.period_start - windows.span_start) as slope,
        sqrt(
            greatest(
                regr_syy(ln(days.total_tokens), days.period_start - windows.span_start)
                - power(regr_slope(ln(days.total_tokens), days.period_start - windows.span_start), 2)
                * regr_sxx(ln(days.total_tokens), days.period_start - windows.span_start),
                0
            )
            / 26
            / regr_sxx(ln(days.total_tokens), days.period_start - windows.span_start)
        ) as slope_error
    from windows
    inner join {{ ref('int_rankings__totals') }} as days
        on
            days.period = 'day'
            and days.period_start between windows.span_start and windows.span_end
    where windows.span = '28d'
    group by windows.span_end

),

doubling as (

    select
        period_end,
        ln(2) / slope as doubling_days,
        -- 2.0555: 97.5th percentile of Student's t with 26 degrees of freedom.
        ln(2) / (slope + 2.055529 * slope_error) as doubling_days_low,
        ln(2) / (slope - 2.055529 * slope_error) as doubling_days_high
    from trend
    where slope - 2.055529 * slope_error > 0

),

launched as (

    select
        periods.period,
        periods.period_start,
        sum(members.tokens) filter (
            where cast(models.created_at as date) between periods.period_end - 27 and periods.period_end
        ) as launched_tokens
    from periods
    inner join members using (period, period_start)
    inner join {{ ref('int_models__latest') }} as models on members.member = models.model_permaslug
    where members.member_type = 'model'
    group by periods.period, periods.period_start

),

listed_models as (

    select
        period_start as date,
        member
    from members
    where period = 'day' and member_type = 'model'

),

survival as (

    select
        earlier.date + 28 as period_end,
        count(later.member) / count(*) as survival
    from listed_models as earlier
    left join listed_models as later
        on
            earlier.member = later.member
            and earlier.date + 28 = later.date
    where earlier.date + 28 in (select listed.date from listed_models as listed)
    group by earlier.date

),

usage as (

    select * from {{ ref('int_usage__priced') }}
    inner join {{ ref('int_usage__periods') }} using (date)

),

listed_spend as (

    select
        period,
        period_start,
        sum(priced_tokens) as priced_tokens,
        sum(tokens) filter (where price_class = 'paid') as paid_tokens,
        cast(sum(spend_low) as double) as spend_low,
        cast(sum(spend_high) as double) as spend_high,
        {{ provenance_of_priced() }}
    from usage
    group by period, period_start

),

-- One split of tokens for all traffic, at each corner of its box and at its central point.
spend_by_corner as (

    select
        usage.period,
        usage.period_start,
        corners.corner,
        cast(
            sum(
                usage.priced_tokens * case usage.price_class
                    when 'paid' then {{ blended(
                        'usage.prompt_price', 'usage.completion_price', 'usage.cache_read_price',
                        'corners.completion_share', 'corners.cached_share'
                    ) }}
                    else 0
                end
            ) as double
        ) as spend
    from usage
    cross join {{ ref('int_assumptions__corners') }} as corners
    where corners.level = 'total' and usage.priced_tokens > 0
    group by usage.period, usage.period_start, corners.corner

),

plausible_spend as (

    select
        period,
        period_start,
        min(spend) as spend_plausible_low,
        max(spend) as spend_plausible_high,
        max(spend) filter (where corner = 'central / central') as spend_central
    from spend_by_corner
    group by period, period_start

),

inputs as (

    select
        span as period,
        span_start as period_start,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('int_spans') }}

    union all

    -- Growth and trend reach back over the window and the one before it, survival to the day 28 days before, annual
    -- growth to the first window there is.
    select
        periods.period,
        periods.period_start,
        windows.scope_id,
        windows.source_url,
        windows.as_of,
        windows.oldest_as_of,
        windows.checked_at
    from periods
    left join annual_growth using (period_end)
    inner join windows
        on
            windows.span_end in (period_end, period_end - windows.days)
            or (windows.span = '1d' and windows.span_end = period_end - 28)
            or (windows.span = '28d' and annual_growth.first_window_end = windows.span_end)

    union all

    select
        period,
        period_start,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from listed_spend

),

provenance as (

    select
        period,
        period_start,
        {{ provenance_of_sums('inputs') }}
    from inputs
    group by period, period_start

)

select
    periods.period,
    periods.period_start,
    periods.basis,
    periods.total_tokens,
    periods.other_tokens,
    periods.other_tokens / periods.total_tokens as other_share,
    concentration.models_listed,
    concentration.authors_listed,
    growth.growth_1d,
    growth.growth_7d,
    growth.growth_28d,
    annual_growth.cagr,
    doubling.doubling_days,
    doubling.doubling_days_low,
    doubling.doubling_days_high,
    {% for member_type in ['model', 'author'] -%}
        {{ hhi('concentration.' ~ member_type ~ '_squares') }} as hhi_{{ member_type }}_low,
        case
            when periods.basis = 'source'
                then {{ hhi('concentration.' ~ member_type ~ '_squares + ' ~ {
                'model': unlisted_model_squares('periods.other_tokens', 'concentration.last_listed_tokens'),
                'author': unlisted_author_squares('periods.other_tokens', 'concentration.leading_author_tokens'),
            }[member_type]) }}
        end as hhi_{{ member_type }}_high,
    {% endfor -%}
    {% for top in [1, 3, 5, 10] -%}
        concentration.top_{{ top }}_tokens / periods.total_tokens as cr{{ top }},
    {% endfor -%}
    cast(listed_spend.paid_tokens as bigint) as paid_tokens,
    coalesce(launched.launched_tokens, 0) / periods.total_tokens as launched_share,
    survival.survival,
    listed_spend.spend_low,
    listed_spend.spend_high,
    plausible_spend.spend_plausible_low,
    plausible_spend.spend_plausible_high,
    plausible_spend.spend_central,
    1000000 * plausible_spend.spend_central / nullif(listed_spend.priced_tokens, 0) as usd_per_mtok_central,
    listed_spend.priced_tokens / periods.total_tokens as priced_coverage,
    listed_spend.priced_tokens / (periods.total_tokens - periods.other_tokens) as priced_coverage_of_named,
    provenance.scope_id,
    provenance.source_url,
    provenance.as_of,
    provenance.oldest_as_of,
    provenance.checked_at
from periods
inner join concentration using (period, period_start)
inner join provenance using (period, period_start)
left join growth using (period_end)
left join annual_growth using (period_end)
left join doubling using (period_end)
left join launched using (period, period_start)
left join survival using (period_end)
left join listed_spend using (period, period_start)
left join plausible_spend using (period, period_start)
