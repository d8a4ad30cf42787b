{{ config(meta={'dagster': {'ref': {'name': 'traffic_summary'}}}) }}
-- No row covers a period or window that had not ended when its newest figure was made.
with rows_by_end as (

    {% for mart in [
        'share_model', 'share_author', 'share_segment', 'share_slice', 'share_app',
        'spend_model', 'spend_author', 'traffic_summary', 'claim',
    ] -%}
        select
            '{{ mart }}' as mart,
            {{ period_end('period', 'period_start') }} as last_day,
            as_of
        from {{ ref(mart) }}

        union all

    {% endfor -%}
    {% for mart in ['growth_model', 'growth_author', 'growth_app', 'growth_drivers'] -%}
        select
            '{{ mart }}' as mart,
            window_end as last_day,
            as_of
        from {{ ref(mart) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select *
from rows_by_end
where last_day >= cast(as_of as date)
