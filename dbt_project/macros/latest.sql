{#-
    Whether a row is from the newest response for its key (a list of columns). Responses may share an as_of; then the
    one fetched last counts, and then the file's name, so that every build picks the same one.
-#}
{% macro is_latest_by(key) -%}
    row_number() over (partition by {{ key }} order by as_of desc, fetched_at desc, raw_file desc) = 1
{%- endmacro %}
