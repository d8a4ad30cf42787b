{#- Sweeps of endpoints. -#}

{#-
    A subquery with the rows of every sweep that does not look truncated. A truncated sweep proves nothing about an
    endpoint that it lacks.
-#}
{% macro whole_sweeps() -%}
    select endpoints.*
    from {{ ref('stg_openrouter__endpoints') }} as endpoints
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect
{%- endmacro %}
