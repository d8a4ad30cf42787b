{#- Segments that say that nobody knows: their models may belong to any other segment of the division. -#}
{% macro is_unknown_segment(segment) -%}
    {{ segment }} in ('unclassified', 'undisclosed', 'unknown', 'unpriced')
{%- endmacro %}

{#- Whether one end of a range is above the other by more than sums of doubles differ when added up in another order. -#}
{% macro is_above(low, high) -%}
    {{ low }} - {{ high }} > 1e-9 * greatest(abs({{ low }}), abs({{ high }}))
{%- endmacro %}

{#- The columns every share mart has, from a span and one of its members. -#}
{% macro share_columns() -%}
    members.tokens,
    members.tokens_high,
    spans.total_tokens,
    members.tokens / spans.total_tokens as share,
    members.tokens_high / spans.total_tokens as share_high,
    members.tokens / (spans.total_tokens - spans.other_tokens) as share_of_named,
    members.rank,
    members.is_complete_observation,
    spans.basis,
    spans.scope_id,
    spans.source_url,
    spans.as_of,
    spans.oldest_as_of,
    spans.checked_at
{%- endmacro %}
