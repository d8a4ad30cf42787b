{#-
    Every row satisfies every condition on its columns: the conditions of the named families (see conditions_of) and the
    given conditions. A condition that is null is not satisfied.
-#}
{% test satisfies(model, conditions=[], families=[]) %}

{%- set all_conditions = [] -%}
{%- for family in families -%}
    {%- do all_conditions.extend(conditions_of(family)) -%}
{%- endfor -%}
{%- do all_conditions.extend(conditions) -%}

select
    concat_ws(
        '; ',
        {%- for condition in all_conditions %}
        case when not coalesce({{ condition }}, false) then {{ sql_literal(condition) }} end
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as violated,
    *
from {{ model }}
where not (
    {%- for condition in all_conditions %}
    coalesce({{ condition }}, false)
    {{- ' and' if not loop.last }}
    {%- endfor %}
)

{% endtest %}
