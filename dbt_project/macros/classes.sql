{#- Classes of models, from seeds with the limits of each class. -#}

{#-
    Whether a value is in the class of a row of `limits`, whose columns at_least and below (null for the last class) may
    end with a unit.
-#}
{% macro is_in_class(value, limits, unit='') -%}
    {%- set suffix = '_' ~ unit if unit else '' -%}
    ({{ value }} >= {{ limits }}.at_least{{ suffix }}
    and ({{ limits }}.below{{ suffix }} is null or {{ value }} < {{ limits }}.below{{ suffix }}))
{%- endmacro %}
