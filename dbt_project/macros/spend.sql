{#- Sums over rows of int_usage__priced, in USD. -#}
{% macro spend_columns() -%}
    cast(sum(spend_low) as double) as spend_low,
    cast(sum(spend_high) as double) as spend_high,
    cast(sum(spend_plausible_low) as double) as spend_plausible_low,
    cast(sum(spend_plausible_high) as double) as spend_plausible_high
{%- endmacro %}

{#- The basis that is furthest from an observed price, of all rows added up. -#}
{% macro least_certain_basis() -%}
    max_by(price_basis, list_position(['observed', 'carried', 'backcast', 'none'], price_basis))
{%- endmacro %}

{#-
    Provenance of a row that adds up rows of int_usage__priced over a period of int_usage__periods: usage and
    price each have their own moment.
-#}
{% macro provenance_of_priced() -%}
    max(scope_id) as scope_id,
    max(source_url) as source_url,
    greatest(max(usage_as_of), max(price_as_of)) as as_of,
    least(min(usage_oldest_as_of), min(price_as_of)) as oldest_as_of,
    case
        when max(price_as_of) > max(usage_as_of) then max_by(price_fetched_at, (price_as_of, price_fetched_at))
        else max(usage_checked_at)
    end as checked_at
{%- endmacro %}
