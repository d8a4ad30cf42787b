{#- Schemas are named as configured: staging, intermediate, marts, seeds. In Spark's catalog, which others may use, the
    name says whose it is. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ 'routerscope_' if target.type == 'spark' else '' }}{{ custom_schema_name or target.schema }}
{%- endmacro %}
