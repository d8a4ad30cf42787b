{{ config(meta={'dagster': {'ref': {'name': 'growth_model'}}}) }}
-- Both windows of a growth row have the same tokens as the shares of their days, and its change in share uses the
-- totals of the same days.
{%- set marts = {
    'growth_model': ('share_model', 'model_permaslug'), 'growth_author': ('share_author', 'author'),
    'growth_app': ('share_app', 'app_id'),
} %}
with totals as (

    select
        period_start as date,
        total_tokens
    from {{ ref('traffic_summary') }}
    where period = 'day'

),

windows as (

    {% for mart, (share, member) in marts.items() -%}
        select
            '{{ mart }}' as mart,
            cast(published.{{ member }} as varchar) as member,
            horizon,
            published.window_end,
            published.tokens,
            published.base_tokens,
            published.share_change_pp,
            horizons.window_days as days,
            horizons.step_days
        from {{ ref(mart) }} as published
        left join {{ ref('horizons') }} as horizons using (horizon)
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

day_rows as (

    {% for mart, (share, member) in marts.items() -%}
        select
            '{{ mart }}' as mart,
            cast({{ member }} as varchar) as member,
            period_start as date,
            tokens
        from {{ ref(share) }}
        where period = 'day'
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

observed as (

    select
        windows.mart,
        windows.member,
        windows.horizon,
        windows.window_end,
        coalesce(sum(day_rows.tokens) filter (where day_rows.date > windows.window_end - windows.days), 0)
            as day_tokens,
        coalesce(
            sum(day_rows.tokens) filter (
                where day_rows.date between windows.window_end - windows.step_days - windows.days + 1
                and windows.window_end - windows.step_days
            ), 0
        ) as base_day_tokens
    from windows
    left join day_rows
        on
            windows.mart = day_rows.mart
            and windows.member = day_rows.member
            and windows.window_end >= day_rows.date
            and day_rows.date > windows.window_end - windows.step_days - windows.days
    group by windows.mart, windows.member, windows.horizon, windows.window_end

),

window_ends as (

    select distinct
        window_end,
        horizon,
        days,
        step_days
    from windows

),

totals_by_end as (

    select
        window_ends.window_end,
        window_ends.horizon,
        sum(totals.total_tokens) filter (where totals.date > window_ends.window_end - window_ends.days) as total_tokens,
        sum(totals.total_tokens) filter (
            where totals.date between window_ends.window_end - window_ends.step_days - window_ends.days + 1
            and window_ends.window_end - window_ends.step_days
        ) as base_total_tokens
    from window_ends
    left join totals
        on
            window_ends.window_end >= totals.date
            and totals.date > window_ends.window_end - window_ends.step_days - window_ends.days
    group by window_ends.window_end, window_ends.horizon

)

select
    windows.*,
    observed.day_tokens,
    observed.base_day_tokens,
    100 * (
        observed.day_tokens / totals_by_end.total_tokens - observed.base_day_tokens / totals_by_end.base_total_tokens
    ) as day_share_change_pp
from windows
inner join observed using (mart, member, horizon, window_end)
inner join totals_by_end using (window_end, horizon)
where
    windows.tokens <> observed.day_tokens
    or windows.base_tokens <> observed.base_day_tokens
    or abs(windows.share_change_pp - day_share_change_pp) > 1e-9
