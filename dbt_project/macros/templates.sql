{#-
    A template with its placeholders filled: {name} becomes the text that `texts` has under that name. A text is not
    searched for placeholders that come before it in `texts`. Null if the text of a placeholder in the template is null.
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
