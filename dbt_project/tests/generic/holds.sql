{#-
    Every row fulfils every law, each a condition on its columns: those of the families named, and those given. A
    condition that gives null is not fulfilled.
-#}
{% test holds(model, families=[], laws=[]) %}

{%- set all_laws = [] -%}
{%- for family in families -%}
    {%- do all_laws.extend(laws_of(family)) -%}
{%- endfor -%}
{%- do all_laws.extend(laws) -%}

select
    concat_ws(
        '; ',
        {%- for law in all_laws %}
        case when not coalesce({{ law }}, false) then '{{ law | replace("'", "''") }}' end
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as broken,
    *
from {{ model }}
where not (
    {%- for law in all_laws %}
    coalesce({{ law }}, false)
    {{- ' and' if not loop.last }}
    {%- endfor %}
)

{% endtest %}
