{#-
    Whether a row is from the newest response for its key (a list of columns). If several share an as_of, the one
    fetched last is the newest; after that, the file name decides, so that every build picks the same response. If a
    response may have several rows for a key, `within_response` orders them, and the first counts.
-#}
{% macro is_latest_by(key, within_response='') -%}
    row_number() over (
        partition by {{ key }}
        order by as_of desc, fetched_at desc, raw_file desc{{ ', ' ~ within_response if within_response }}
    ) = 1
{%- endmacro %}
