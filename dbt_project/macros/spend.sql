{#- Sums and means over rows of priced usage. -#}

{#- Implied spend over rows of int_usage__periods, in USD. -#}
{% macro spend_columns() -%}
    cast(sum(spend_low) as double) as spend_low,
    cast(sum(spend_high) as double) as spend_high,
    -- If one part has no sweep of endpoints, the whole sum is unknown.
    case when count(spend_endpoint_low) = count(*) then cast(sum(spend_endpoint_low) as double) end
        as spend_endpoint_low,
    case when count(spend_endpoint_low) = count(*) then cast(sum(spend_endpoint_high) as double) end
        as spend_endpoint_high,
    cast(sum(spend_plausible_low) as double) as spend_plausible_low,
    cast(sum(spend_plausible_high) as double) as spend_plausible_high
{%- endmacro %}

{#- The price basis of a sum: the least certain basis of its rows, the one furthest from `observed`. -#}
{% macro least_certain_basis(price_basis) -%}
    max_by({{ price_basis }}, list_position(['observed', 'carried', 'backcast', 'none'], {{ price_basis }}))
{%- endmacro %}

{#- Mean of a price in USD per token over the days that have one. A division keeps 22 decimals. -#}
{% macro mean_price(price) -%}
    case
        when min({{ price }}) = max({{ price }}) then min({{ price }})
        else cast(cast(sum({{ price }}) / count({{ price }}) as decimal(38, 22)) as decimal(38, 24))
    end
{%- endmacro %}

{#-
    Provenance of a sum over rows of int_usage__periods, each of which uses up to four responses: the rankings, the list
    of models with the price, the list behind the bounds of the price, and a sweep of endpoints.
-#}
{% macro provenance_of_spend() -%}
    max(scope_id) as scope_id,
    max(source_url) as source_url,
    greatest(max(usage_as_of), max(price_as_of), max(bounds_as_of), max(endpoint_as_of)) as as_of,
    least(
        min(usage_oldest_as_of), min(price_oldest_as_of), min(bounds_oldest_as_of), min(endpoint_oldest_as_of)
    ) as oldest_as_of,
    case greatest(max(usage_as_of), max(price_as_of), max(bounds_as_of), max(endpoint_as_of))
        when max(usage_as_of) then max(usage_checked_at)
        when max(price_as_of) then max_by(price_checked_at, (price_as_of, price_checked_at))
        when max(bounds_as_of) then max_by(bounds_checked_at, (bounds_as_of, bounds_checked_at))
        else max_by(endpoint_checked_at, (endpoint_as_of, endpoint_checked_at))
    end as checked_at
{%- endmacro %}
