{#-
    Attaches the published release, and creates the view raw.calls over the logs that were added, with the columns that
    the source's YAML names. Without a log, the view is empty.
-#}
{% macro create_own_views() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'show', 'compile') -%}
        {%- set own = modules.re.sub('[^/]+$', '', target.path) -%}
        {%- do run_query(
            'attach if not exists ' ~ sql_literal(own ~ '../published/routerscope.duckdb') ~ ' as release (read_only)'
        ) -%}
        {%- do run_query('create schema if not exists raw') -%}
        {%- set source = graph.sources.values() | selectattr('source_name', 'equalto', 'usage') | first -%}
        {%- do run_query(adapter.dispatch('own_calls_view')(source, own)) -%}
    {%- endif -%}
{%- endmacro %}

{% macro default__own_calls_view(source, own) -%}
    {%- set files = sql_literal(modules.re.sub('([*?[])', '[\\1]', own) ~ 'raw/*/*.parquet') -%}
    {%- set has_files = run_query('select count(*) from glob(' ~ files ~ ')').columns[0][0] > 0 -%}
    create or replace view raw.calls as
    select
    {%- for column in source.columns.values() %}
        {{ 'cast(null as ' ~ column.data_type ~ ') as ' if not has_files }}{{ column.name }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    {%- if has_files %}
    from read_parquet({{ files }}, filename = 'raw_file', file_row_number = true)
    {%- else %}
    where false
    {%- endif %}
{%- endmacro %}
