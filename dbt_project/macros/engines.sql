{#-
    Expressions whose form differs between DuckDB (default__) and Spark, for the models tagged `bulk`, which run on both.
-#}

{#- A hash of 8 bytes. -#}
{% macro hash_of(value) -%}
    {{ adapter.dispatch('hash_of')(value) }}
{%- endmacro %}

{% macro default__hash_of(value) -%}
    hash({{ value }})
{%- endmacro %}

{% macro spark__hash_of(value) -%}
    xxhash64({{ value }})
{%- endmacro %}

{#- A struct of these fields: name → expression. -#}
{% macro struct_of(fields) -%}
    {{ adapter.dispatch('struct_of')(fields) }}
{%- endmacro %}

{% macro default__struct_of(fields) -%}
    { {%- for name, value in fields.items() %} '{{ name }}': {{ value }}{{ ',' if not loop.last }}{%- endfor %} }
{%- endmacro %}

{% macro spark__struct_of(fields) -%}
    named_struct({%- for name, value in fields.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{%- endfor %})
{%- endmacro %}

{#- An element of an array, counted from 1; null beyond its end. -#}
{% macro array_element(array, number) -%}
    {{ adapter.dispatch('array_element')(array, number) }}
{%- endmacro %}

{% macro default__array_element(array, number) -%}
    {{ array }}[{{ number }}]
{%- endmacro %}

{% macro spark__array_element(array, number) -%}
    try_element_at({{ array }}, {{ number }})
{%- endmacro %}

{#- The elements of an array for which a condition holds, in which `name` is the element. -#}
{% macro array_where(array, name, condition) -%}
    {{ adapter.dispatch('array_where')(array, name, condition) }}
{%- endmacro %}

{% macro default__array_where(array, name, condition) -%}
    list_filter({{ array }}, lambda {{ name }}: {{ condition }})
{%- endmacro %}

{% macro spark__array_where(array, name, condition) -%}
    filter({{ array }}, {{ name }} -> {{ condition }})
{%- endmacro %}

{#- A value for each element of an array, in which `name` is the element. -#}
{% macro array_of(array, name, value) -%}
    {{ adapter.dispatch('array_of')(array, name, value) }}
{%- endmacro %}

{% macro default__array_of(array, name, value) -%}
    list_transform({{ array }}, lambda {{ name }}: {{ value }})
{%- endmacro %}

{% macro spark__array_of(array, name, value) -%}
    transform({{ array }}, {{ name }} -> {{ value }})
{%- endmacro %}

{#- The largest element of an array. -#}
{% macro array_largest(array) -%}
    {{ adapter.dispatch('array_largest')(array) }}
{%- endmacro %}

{% macro default__array_largest(array) -%}
    list_max({{ array }})
{%- endmacro %}

{% macro spark__array_largest(array) -%}
    array_max({{ array }})
{%- endmacro %}

{#- All columns of a relation but these. -#}
{% macro columns_except(relation, names) -%}
    {{ adapter.dispatch('columns_except')(relation, names) }}
{%- endmacro %}

{% macro default__columns_except(relation, names) -%}
    {{ relation }}.* exclude ({{ names | join(', ') }})
{%- endmacro %}

{% macro spark__columns_except(relation, names) -%}
    {{ relation }}.* except ({{ names | join(', ') }})
{%- endmacro %}
