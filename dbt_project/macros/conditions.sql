{#- Conditions on columns that several marts share, by family; the generic test `satisfies` checks them. -#}
{% macro conditions_of(family) -%}
    {{ return({
        'slug': [
            "base_slug = split_part(model_permaslug, ':', 1)",
            "variant = coalesce(nullif(split_part(model_permaslug, ':', 2), ''), 'standard')",
            "author = trim(leading '~' from split_part(model_permaslug, '/', 1))",
        ],
        'share': [
            "tokens between 0 and tokens_high",
            "tokens_high <= total_tokens",
            "abs(share - tokens / total_tokens) <= 1e-12",
            "abs(share_high - tokens_high / total_tokens) <= 1e-12",
            "rank >= 1",
            "not is_complete_observation or tokens = tokens_high",
            "period_start = date_trunc(period, period_start)",
            "basis in ('source', 'days')",
        ],
        'growth': [
            "horizon in ('1d', '7d', '28d', '364d')",
            "status in ('ok', 'bounded', 'launched', 'gap')",
            "(status = 'gap') = (tokens is null or base_tokens is null)",
            "tokens is null or tokens between 0 and tokens_high",
            "base_tokens is null or base_tokens between 0 and base_tokens_high",
            "status <> 'ok' or base_tokens = 0 or growth is not null",
            "growth is null or abs(growth - (tokens / base_tokens - 1)) <= 1e-9 * greatest(1, abs(growth))",
            "coalesce(abs(growth_low - (tokens / base_tokens_high - 1)) <= 1e-9 * greatest(1, abs(growth_low)),"
            ~ " growth_low is null and (tokens is null or coalesce(base_tokens_high, 0) = 0))",
            "coalesce(abs(growth_high - (tokens_high / base_tokens - 1)) <= 1e-9 * greatest(1, abs(growth_high)),"
            ~ " growth_high is null and (tokens_high is null or coalesce(base_tokens, 0) = 0))",
            "growth is not null or growth_acceleration_pp is null",
            "growth is null or share_change_pp is not null",
            "share_change_pp is null or (tokens = tokens_high and base_tokens = base_tokens_high)",
        ],
        'spend': [
            "priced_tokens between 0 and tokens",
            "(spend_low is null) = (spend_high is null)",
            "(spend_low is null) = (spend_plausible_low is null)",
            "spend_low is null or spend_low >= 0",
            "price_basis in ('observed', 'carried', 'backcast', 'mixed', 'none')",
        ],
    }[family]) }}
{%- endmacro %}
