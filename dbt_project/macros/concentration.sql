{#- Herfindahl–Hirschman index on the scale of 10,000, from a sum of squared tokens. -#}
{% macro hhi(squares) -%}
    10000 * ({{ squares }}) / power(spans.total_tokens, 2)
{%- endmacro %}

{#- The most concentrated that unlisted models can be: blocks no larger than the last listed one, and a rest. -#}
{% macro unlisted_model_squares(other_tokens, last_listed_tokens) -%}
    coalesce(
        floor({{ other_tokens }} / nullif({{ last_listed_tokens }}, 0)) * power({{ last_listed_tokens }}, 2)
        + power({{ other_tokens }} % nullif({{ last_listed_tokens }}, 0), 2), 0
    )
{%- endmacro %}

{#- The most concentrated that authors can be: all unlisted tokens belong to the leader. -#}
{% macro unlisted_author_squares(other_tokens, leading_author_tokens) -%}
    (power({{ leading_author_tokens }} + {{ other_tokens }}, 2) - power({{ leading_author_tokens }}, 2))
{%- endmacro %}
