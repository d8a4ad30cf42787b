{#- What a model can do, from the request parameters that the source lists as supported; null if it lists none. -#}

{% macro feature_names() -%}
    {{ return({
        'has_tools': 'tools',
        'has_structured_outputs': 'structured_outputs',
        'has_response_format': 'response_format',
    }) }}
{%- endmacro %}

{% macro supported_features() -%}
    {%- for name, parameter in feature_names().items() -%}
        list_contains(supported_parameters, '{{ parameter }}') as {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{#- The columns of `relation` that supported_features made. -#}
{% macro feature_columns(relation) -%}
    {%- for name in feature_names() -%}
        {{ relation }}.{{ name }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endmacro %}
