{#- Every row fulfils every law, each a condition on its columns; a condition that gives null is not fulfilled. -#}
{% test holds(model, laws) %}

select
    concat_ws(
        '; ',
        {%- for law in laws %}
        case when not coalesce({{ law }}, false) then '{{ law | replace("'", "''") }}' end
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as broken,
    *
from {{ model }}
where not (
    {%- for law in laws %}
    coalesce({{ law }}, false)
    {{- ' and' if not loop.last }}
    {%- endfor %}
)

{% endtest %}
