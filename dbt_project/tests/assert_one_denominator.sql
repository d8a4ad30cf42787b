{{ config(meta={'dagster': {'ref': {'name': 'traffic_summary'}}}) }}
-- Every share of a period is a share of the same total, and that total is what is listed plus `other`. Every division
-- of models has the same `other`, and the totals of growth are those of its days.
with summary as (

    select * from {{ ref('traffic_summary') }}

),

listed as (

    select
        period,
        period_start,
        sum(tokens) as tokens
    from {{ ref('share_model') }}
    group by period, period_start

),

published as (

    {% for mart in ['share_model', 'share_author', 'share_segment', 'share_app'] -%}
        select distinct
            '{{ mart }}' as mart,
            period,
            period_start,
            total_tokens
        from {{ ref(mart) }}

        union all

    {% endfor -%}
    select
        'listed models and other' as mart,
        summary.period,
        summary.period_start,
        coalesce(listed.tokens, 0) + summary.other_tokens as total_tokens
    from summary
    left join listed using (period, period_start)

),

divisions as (

    select
        segment_type,
        period,
        period_start,
        sum(tokens) filter (where segment = 'other') as other_tokens
    from {{ ref('share_segment') }}
    group by segment_type, period, period_start

),

named as (

    {% for mart in ['share_model', 'share_author'] -%}
        select
            '{{ mart }}' as mart,
            period,
            period_start,
            tokens,
            share_of_named
        from {{ ref(mart) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

days as (

    select
        period_start as date,
        total_tokens
    from summary
    where period = 'day'

),

-- Each window of a growth row, and its base window.
windows as (

    {% for name, tokens, days_before in [
        ('growth_drivers, ', 'total_tokens', '0'),
        ('growth_drivers, before ', 'base_total_tokens', 'horizons.step_days'),
    ] -%}
        select distinct
            '{{ name }}' || horizon as mart,
            drivers.window_end,
            drivers.{{ tokens }} as published_tokens,
            horizons.window_days as days,
            drivers.window_end - {{ days_before }} as last_day
        from {{ ref('growth_drivers') }} as drivers
        left join {{ ref('horizons') }} as horizons using (horizon)
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    published.mart,
    published.period,
    published.period_start,
    published.total_tokens as published_tokens,
    summary.total_tokens
from published
left join summary using (period, period_start)
where published.total_tokens is distinct from summary.total_tokens

union all

select
    'share_segment, ' || divisions.segment_type as mart,
    divisions.period,
    divisions.period_start,
    divisions.other_tokens as published_tokens,
    summary.other_tokens as total_tokens
from divisions
left join summary using (period, period_start)
where coalesce(divisions.other_tokens, 0) is distinct from summary.other_tokens

union all

select
    named.mart || ', of what is named' as mart,
    named.period,
    named.period_start,
    named.tokens as published_tokens,
    summary.total_tokens - summary.other_tokens as total_tokens
from named
inner join summary using (period, period_start)
where not coalesce(abs(share_of_named - tokens / (total_tokens - other_tokens)) <= 1e-12, false)

union all

select
    windows.mart,
    'window' as period,
    windows.window_end as period_start,
    windows.published_tokens,
    sum(days.total_tokens) as total_tokens
from windows
left join days on days.date between windows.last_day - windows.days + 1 and windows.last_day
group by windows.mart, windows.window_end, windows.published_tokens
having windows.published_tokens is distinct from sum(days.total_tokens)
