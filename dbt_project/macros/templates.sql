{#-
    Fills the placeholders of a template: {name} is replaced with the text that `texts` has under that name.
    Placeholders are replaced in the order of `texts`, so the last text is never searched for placeholders. Null if the
    text of a placeholder in the template is null.
-#}
{% macro filled(template, texts) -%}
    {%- set sql = namespace(text=template) -%}
    {%- for name, text in texts.items() -%}
        {%- set placeholder = "'{" ~ name ~ "}'" -%}
        {%- set sql.text -%}
            replace(
                {{ sql.text }},
                {{ placeholder }},
                coalesce({{ text }}, case when not contains({{ template }}, {{ placeholder }}) then '' end)
            )
        {%- endset -%}
    {%- endfor -%}
    {{ sql.text }}
{%- endmacro %}
