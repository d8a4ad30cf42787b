{#- The columns that every growth mart has, from a row of int_growth__members. -#}
{% macro growth_columns() -%}
    tokens,
    tokens_high,
    base_tokens,
    base_tokens_high,
    case when is_complete then tokens / nullif(base_tokens, 0) - 1 end as growth,
    tokens / nullif(base_tokens_high, 0) - 1 as growth_low,
    tokens_high / nullif(base_tokens, 0) - 1 as growth_high,
    case
        when tokens is null or base_tokens is null then 'gap'
        when created_on between window_start and window_end then 'launched'
        when not is_complete then 'bounded'
        else 'ok'
    end as status,
    case
        when is_complete then 100 * (tokens / total_tokens - base_tokens / base_total_tokens)
    end as share_change_pp,
    case when is_complete then base_rank - rank end as rank_change,
    case
        when is_complete and is_base_complete
            then 100 * (tokens / nullif(base_tokens, 0) - base_tokens / nullif(second_tokens, 0))
    end as growth_acceleration_pp,
    case
        when is_complete and is_base_complete and is_third_complete
            then tokens - (base_tokens + second_tokens + third_tokens) / 3
    end as excess_tokens,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
{%- endmacro %}
