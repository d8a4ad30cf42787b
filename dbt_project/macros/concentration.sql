{#- Herfindahl–Hirschman index on the scale of 10,000, from a sum of squared tokens. -#}
{% macro hhi(squares) -%}
    10000 * ({{ squares }}) / power(periods.total_tokens, 2)
{%- endmacro %}

{#- The most concentrated that unlisted models can be: blocks no larger than an unlisted model can be, and a rest. -#}
{% macro unlisted_model_squares(other_tokens, unlisted_member_tokens_high) -%}
    coalesce(
        floor({{ other_tokens }} / nullif({{ unlisted_member_tokens_high }}, 0)) * power({{ unlisted_member_tokens_high }}, 2)
        + power({{ other_tokens }} % nullif({{ unlisted_member_tokens_high }}, 0), 2), 0
    )
{%- endmacro %}

{#- The most concentrated that authors can be: all unlisted tokens belong to the leader. -#}
{% macro unlisted_author_squares(other_tokens, leading_author_tokens) -%}
    (power({{ leading_author_tokens }} + {{ other_tokens }}, 2) - power({{ leading_author_tokens }}, 2))
{%- endmacro %}
