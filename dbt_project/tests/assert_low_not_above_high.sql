{{ config(meta={'dagster': {'ref': {'name': 'spend_model'}}}) }}
-- The low end of a range is never above its high end, and the plausible range lies within the possible one. Sums of
-- doubles differ in their last digits by the order of their terms, so differences below 1e-9 of the value are ignored.
{%- set ranges = {
    'share_model': ['tokens, tokens_high', 'share, share_high', 'tokens_high, total_tokens'],
    'share_author': ['tokens, tokens_high', 'share, share_high', 'tokens_high, total_tokens'],
    'share_segment': ['tokens, tokens_high', 'share, share_high', 'tokens_high, total_tokens'],
    'share_slice': ['tokens, tokens_high', 'share, share_high', 'tokens_high, total_tokens'],
    'share_app': ['tokens, tokens_high', 'share, share_high', 'tokens, total_tokens'],
    'growth_model': ['growth_low, growth', 'growth, growth_high', 'growth_low, growth_high'],
    'growth_author': ['growth_low, growth', 'growth, growth_high', 'growth_low, growth_high'],
    'growth_app': ['growth_low, growth', 'growth, growth_high', 'growth_low, growth_high'],
    'spend_model': [
        'spend_low, spend_plausible_low', 'spend_plausible_low, spend_plausible_high',
        'spend_plausible_high, spend_high',
        'spend_endpoint_low, spend_endpoint_high',
    ],
    'spend_author': [
        'spend_low, spend_plausible_low', 'spend_plausible_low, spend_plausible_high',
        'spend_plausible_high, spend_high',
        'spend_endpoint_low, spend_endpoint_high',
    ],
    'traffic_summary': [
        'spend_low, spend_plausible_low', 'spend_plausible_low, spend_central',
        'spend_central, spend_plausible_high', 'spend_plausible_high, spend_high',
        'hhi_model_low, hhi_model_high', 'hhi_author_low, hhi_author_high',
        'doubling_days_low, doubling_days', 'doubling_days, doubling_days_high', 'cr1, cr3', 'cr3, cr5', 'cr5, cr10',
        'open_weights_share_low, open_weights_share_high', 'top_1_app_share, top_5_app_share',
        'top_5_app_share, top_10_app_share', 'top_10_app_share, attributed_share', 'attributed_share, 1',
    ],
    'price_current': [
        'endpoint_prompt_usd_per_mtok_min, endpoint_prompt_usd_per_mtok_median',
        'endpoint_prompt_usd_per_mtok_median, endpoint_prompt_usd_per_mtok_max',
        'endpoint_completion_usd_per_mtok_min, endpoint_completion_usd_per_mtok_median',
        'endpoint_completion_usd_per_mtok_median, endpoint_completion_usd_per_mtok_max', 'endpoints_up, endpoints',
    ],
    'claim': ['value, value_high'],
    'figure_check': ['our_value, our_value_high'],
} %}
{%- for mart, pairs in ranges.items() %}
    {%- for pair in pairs %}
        {%- set low, high = pair.split(', ') %}
        select
            '{{ mart }}' as mart,
            '{{ pair }}' as bounds,
            cast(count(*) as bigint) as rows_found
        from {{ ref(mart) }}
        where {{ low }} - {{ high }} > 1e-9 * greatest(abs({{ low }}), abs({{ high }}))
        having count(*) > 0
        {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
{%- endfor %}
