{{ config(meta={'dagster': {'ref': {'name': 'growth_model'}}}) }}
-- Both windows of a growth row have the same tokens as the shares of their days, and its change in share uses the
-- totals of the same days. Joins use a hash of mart and member, because DuckDB joins a number faster than names.
{%- set marts = {
    'growth_model': ('share_model', 'model_permaslug'), 'growth_author': ('share_author', 'author'),
    'growth_app': ('share_app', 'app_id'),
} %}
with windows as (

    {% for mart, (share, member) in marts.items() -%}
        select
            '{{ mart }}' as mart,
            cast(published.{{ member }} as varchar) as member,
            hash('{{ mart }}', published.{{ member }}) as member_hash,
            horizon,
            published.window_end,
            published.tokens,
            published.base_tokens,
            published.share_change_pp,
            horizons.window_days,
            published.window_end - horizons.step_days as base_end
        from {{ ref(mart) }} as published
        left join {{ ref('horizons') }} as horizons using (horizon)
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

day_rows as (

    {% for mart, (share, member) in marts.items() -%}
        select
            hash('{{ mart }}', {{ member }}) as member_hash,
            period_start as date,
            tokens
        from {{ ref(share) }}
        where period = 'day'

        union all

    {% endfor -%}
    select
        hash('total', 'all') as member_hash,
        period_start as date,
        total_tokens as tokens
    from {{ ref('traffic_summary') }}
    where period = 'day'

),

lengths as (

    select distinct window_days from {{ ref('horizons') }}

),

-- A day is part of each window that ends on it or within the length of the window after it.
parts as (

    select
        day_rows.member_hash,
        day_rows.tokens,
        lengths.window_days,
        {{ days_between('day_rows.date', 'day_rows.date + lengths.window_days - 1') }} as window_end
    from day_rows
    cross join lengths

),

sums as (

    select
        member_hash,
        window_days,
        window_end,
        sum(tokens) as tokens
    from parts
    group by member_hash, window_days, window_end

),

totals as (

    select * from sums
    where member_hash = hash('total', 'all')

),

compared as (

    select
        windows.*,
        coalesce(newer.tokens, 0) as day_tokens,
        coalesce(base.tokens, 0) as base_day_tokens,
        100 * (
            coalesce(newer.tokens, 0) / newer_total.tokens - coalesce(base.tokens, 0) / base_total.tokens
        ) as day_share_change_pp
    from windows
    {% for name, end in {'newer': 'window_end', 'base': 'base_end'}.items() -%}
        left join sums as {{ name }}
            on
                windows.member_hash = {{ name }}.member_hash
                and windows.window_days = {{ name }}.window_days
                and windows.{{ end }} = {{ name }}.window_end
        left join totals as {{ name }}_total
            on windows.window_days = {{ name }}_total.window_days and windows.{{ end }} = {{ name }}_total.window_end
    {% endfor %}
)

select * from compared
where
    tokens <> day_tokens
    or base_tokens <> base_day_tokens
    or abs(share_change_pp - day_share_change_pp) > 1e-9
