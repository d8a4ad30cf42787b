{{ config(meta={'dagster': {'ref': {'name': 'spend_model'}}}) }}
-- Wherever a figure is a range, its low end is not above its high end; the plausible range lies inside the possible.
{%- set ranges = {
    'share_model': ['tokens, tokens_high', 'share, share_high'],
    'share_author': ['tokens, tokens_high', 'share, share_high'],
    'growth_model': ['growth_low, growth', 'growth, growth_high', 'growth_low, growth_high'],
    'growth_author': ['growth_low, growth', 'growth, growth_high', 'growth_low, growth_high'],
    'spend_model': [
        'spend_low, spend_plausible_low', 'spend_plausible_low, spend_plausible_high', 'spend_plausible_high, spend_high',
    ],
    'spend_author': [
        'spend_low, spend_plausible_low', 'spend_plausible_low, spend_plausible_high', 'spend_plausible_high, spend_high',
    ],
    'traffic_summary': [
        'spend_low, spend_plausible_low', 'spend_plausible_low, spend_central', 'spend_central, spend_plausible_high',
        'spend_plausible_high, spend_high', 'hhi_model_low, hhi_model_high', 'hhi_author_low, hhi_author_high',
        'doubling_days_low, doubling_days', 'doubling_days, doubling_days_high',
    ],
} %}
{%- for mart, pairs in ranges.items() %}
    {%- for pair in pairs %}
        select
            '{{ mart }}' as mart,
            '{{ pair }}' as bounds,
            cast(count(*) as bigint) as rows_found
        from {{ ref(mart) }}
        where {{ pair.split(', ')[0] }} > {{ pair.split(', ')[1] }}
        having count(*) > 0
        {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
{%- endfor %}
