{#- The Herfindahl–Hirschman index and the sums of squared tokens that bound it. -#}

{#- Herfindahl–Hirschman index (0 to 10,000) of a period, from the sum of the squared tokens of its members. -#}
{% macro hhi(squares) -%}
    10000 * ({{ squares }}) / power(periods.total_tokens, 2)
{%- endmacro %}

{#-
    Largest possible sum of squared tokens of unlisted models: the unlisted tokens form as many blocks as possible of
    the largest size that one unlisted model can have, plus a rest.
-#}
{% macro unlisted_model_squares(other_tokens, largest_block) -%}
    coalesce(
        floor({{ other_tokens }} / nullif({{ largest_block }}, 0)) * power({{ largest_block }}, 2)
        + power({{ other_tokens }} % nullif({{ largest_block }}, 0), 2), 0
    )
{%- endmacro %}

{#- Largest possible increase of the sum of squared tokens of authors: the leading author has all unlisted tokens. -#}
{% macro unlisted_author_squares(other_tokens, leading_author_tokens) -%}
    (power({{ leading_author_tokens }} + {{ other_tokens }}, 2) - power({{ leading_author_tokens }}, 2))
{%- endmacro %}
