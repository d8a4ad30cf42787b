{#-
    scope_id, source_url, as_of, oldest_as_of and checked_at of a row that combines several others: the newest and
    oldest as_of, and when the newest was fetched.
-#}

{#-
    The three times over the rows of a group, from their columns with the same meaning. A row from a single response has
    one as_of, which is also its oldest. A prefix is put before the names of the three.
-#}
{% macro newest_times(as_of, oldest_as_of, checked_at, prefix='') -%}
    max({{ as_of }}) as {{ prefix }}as_of,
        min({{ oldest_as_of }}) as {{ prefix }}oldest_as_of,
        max_by({{ checked_at }}, ({{ as_of }}, {{ checked_at }})) as {{ prefix }}checked_at
{%- endmacro %}

{#- For rows of `relation` that each come from one response and so have as_of and fetched_at. -#}
{% macro provenance_of(relation) -%}
    max({{ relation }}.scope_id) as scope_id,
        max({{ relation }}.source_url) as source_url,
        {{ newest_times(relation ~ '.as_of', relation ~ '.as_of', relation ~ '.fetched_at') }}
{%- endmacro %}

{#- For rows of `relation` that are sums and so have as_of, oldest_as_of and checked_at. -#}
{% macro provenance_of_sums(relation) -%}
    max({{ relation }}.scope_id) as scope_id,
        max({{ relation }}.source_url) as source_url,
        {{ newest_times(relation ~ '.as_of', relation ~ '.oldest_as_of', relation ~ '.checked_at') }}
{%- endmacro %}

{#-
    The three times of a row that joins a row of `first` to a row of `second`. Either row may be missing; both have
    as_of, oldest_as_of and checked_at. With a prefix, as in newest_times.
-#}
{% macro merged_times(first, second, prefix='') -%}
    greatest({{ first }}.as_of, {{ second }}.as_of) as {{ prefix }}as_of,
    least({{ first }}.oldest_as_of, {{ second }}.oldest_as_of) as {{ prefix }}oldest_as_of,
    case
        when {{ first }}.as_of is null or {{ second }}.as_of > {{ first }}.as_of then {{ second }}.checked_at
        else {{ first }}.checked_at
    end as {{ prefix }}checked_at
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
