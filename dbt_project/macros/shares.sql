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
