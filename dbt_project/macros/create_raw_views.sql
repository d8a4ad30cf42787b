{#-
    One view raw.<surface> for each source table, over the lake's Parquet files, and raw.observations over
    their metadata. Columns and types are those of the source's YAML, so that an empty surface is an empty
    typed view and an older file without a newer column reads as null.
-#}
{% macro create_raw_views() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'show', 'compile') -%}
        {%- do run_query('create schema if not exists raw') -%}
        {%- for source in graph.sources.values() if source.source_name == 'raw' -%}
            {%- do run_query(adapter.dispatch('raw_view')(source)) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro lake_root() -%}
    {{ env_var('ROUTERSCOPE_DATA_DIR', 'data/' ~ env_var('ROUTERSCOPE_SOURCE', 'replay')) }}/raw
{%- endmacro %}

{% macro duckdb__raw_view(source) -%}
    {%- set files = lake_root() ~ '/' ~ ('*' if source.name == 'observations' else source.name) ~ '/*/*.parquet' -%}
    {%- set is_empty = run_query("select count(*) from glob('" ~ files ~ "')").columns[0][0] == 0 -%}
    {%- if source.name == 'observations' -%}
        {%- set relation -%}
            (
                select replace(file_name, '{{ lake_root() }}/', '') as raw_file, decode(value) as metadata
                from parquet_kv_metadata('{{ files }}')
                where decode(key) = 'routerscope'
            )
        {%- endset -%}
    {%- else -%}
        {%- set relation -%}
            (
                select replace(filename, '{{ lake_root() }}/', '') as raw_file, * exclude (filename)
                from read_parquet('{{ files }}', union_by_name = true, filename = true, hive_partitioning = false)
            )
        {%- endset -%}
    {%- endif -%}
    create or replace view raw.{{ source.name }} as
    select
    {%- for column in source.columns.values() %}
        cast(null as {{ column.data_type }}) as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
    where false
    {%- if not is_empty %}
    {%- set held = run_query('describe select * from ' ~ relation).columns[0].values() %}
    union all by name
    select
    {%- for column in source.columns.values() if column.meta.expression or column.name in held %}
        {{ column.meta.expression or column.name }} as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
    from {{ relation }}
    {%- endif %}
{%- endmacro %}
