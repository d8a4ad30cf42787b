{#-
    Provenance of a row that adds up rows of `relation`, each of which has scope_id, source_url, as_of and
    fetched_at: newest and oldest as_of, and when the newest was fetched.
-#}
{% macro provenance_of(relation) -%}
    max({{ relation }}.scope_id) as scope_id,
        max({{ relation }}.source_url) as source_url,
        max({{ relation }}.as_of) as as_of,
        min({{ relation }}.as_of) as oldest_as_of,
        max_by({{ relation }}.fetched_at, ({{ relation }}.as_of, {{ relation }}.fetched_at)) as checked_at
{%- endmacro %}

{#- The same for rows that are sums themselves: they have as_of, oldest_as_of and checked_at. -#}
{% macro provenance_of_sums(relation) -%}
    max({{ relation }}.scope_id) as scope_id,
        max({{ relation }}.source_url) as source_url,
        max({{ relation }}.as_of) as as_of,
        min({{ relation }}.oldest_as_of) as oldest_as_of,
        max_by({{ relation }}.checked_at, ({{ relation }}.as_of, {{ relation }}.checked_at)) as checked_at
{%- endmacro %}
