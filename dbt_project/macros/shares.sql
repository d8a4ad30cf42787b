{#- Shares of a total. -#}

{#- Whether a segment holds models of unknown class, which may belong to any other segment of the division. -#}
{% macro is_unknown_segment(segment) -%}
    {{ segment }} in ('unclassified', 'undisclosed', 'unknown', 'unpriced')
{%- endmacro %}

{#- The columns that every share mart has, from a row of int_periods__totals (`periods`) and a row of its `members`. -#}
{% macro share_columns() -%}
    members.tokens,
    members.tokens_high,
    periods.total_tokens,
    members.tokens / periods.total_tokens as share,
    members.tokens_high / periods.total_tokens as share_high,
    members.tokens / (periods.total_tokens - periods.other_tokens) as share_of_named,
    members.rank,
    members.is_complete_observation,
    periods.basis,
    periods.scope_id,
    periods.source_url,
    periods.as_of,
    periods.oldest_as_of,
    periods.checked_at
{%- endmacro %}
