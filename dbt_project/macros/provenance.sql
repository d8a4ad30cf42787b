{#-
    scope_id, source_url, as_of, oldest_as_of and checked_at of a row that combines several others: the newest and
    oldest as_of, and when the newest was fetched.
-#}

{#- For rows of `relation` that each come from one response and so have as_of and fetched_at. -#}
{% macro provenance_of(relation) -%}
    max({{ relation }}.scope_id) as scope_id,
        max({{ relation }}.source_url) as source_url,
        max({{ relation }}.as_of) as as_of,
        min({{ relation }}.as_of) as oldest_as_of,
        max_by({{ relation }}.fetched_at, ({{ relation }}.as_of, {{ relation }}.fetched_at)) as checked_at
{%- endmacro %}

{#- For rows of `relation` that are sums and so have as_of, oldest_as_of and checked_at. -#}
{% macro provenance_of_sums(relation) -%}
    max({{ relation }}.scope_id) as scope_id,
        max({{ relation }}.source_url) as source_url,
        max({{ relation }}.as_of) as as_of,
        min({{ relation }}.oldest_as_of) as oldest_as_of,
        max_by({{ relation }}.checked_at, ({{ relation }}.as_of, {{ relation }}.checked_at)) as checked_at
{%- endmacro %}

{#-
    The three times of a row that joins a row of `first` to a row of `second`. Either row may be missing; both have
    as_of, oldest_as_of and checked_at.
-#}
{% macro merged_times(first, second) -%}
    greatest({{ first }}.as_of, {{ second }}.as_of) as as_of,
    least({{ first }}.oldest_as_of, {{ second }}.oldest_as_of) as oldest_as_of,
    case
        when {{ first }}.as_of is null or {{ second }}.as_of > {{ first }}.as_of then {{ second }}.checked_at
        else {{ first }}.checked_at
    end as checked_at
{%- endmacro %}

{#- A subquery with the provenance of each key over several relations that have the provenance columns. -#}
{% macro provenance_by(key, relations) -%}
    select
        {{ key }},
        {{ provenance_of_sums('inputs') }}
    from (
        {% for relation in relations -%}
            select
                {{ key }},
                scope_id,
                source_url,
                as_of,
                oldest_as_of,
                checked_at
            from {{ relation }}
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as inputs
    group by {{ key }}
{%- endmacro %}
