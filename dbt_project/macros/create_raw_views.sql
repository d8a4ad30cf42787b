{#-
    Creates a view raw.<surface> for each source table, over the lake's Parquet files, and raw.responses over their
    metadata. The source's YAML determines columns and types, so that a surface without files is an empty typed view,
    and a column that an older file lacks reads as null.
-#}
{% macro create_raw_views() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'show', 'compile') -%}
        {%- do run_query('create schema if not exists raw') -%}
        {%- for source in graph.sources.values() if source.source_name == 'raw' -%}
            {%- do run_query(adapter.dispatch('raw_view')(source)) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#- The folder of the raw files, beside the warehouse that profiles.yml names. -#}
{% macro lake_root() -%}
    {{ modules.re.sub('[^/]+$', 'raw', target.path) }}
{%- endmacro %}

{#- The text as an SQL string literal. -#}
{% macro sql_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{#-
    The files of a surface ('*' for all) as a DuckDB glob, in an SQL literal; [, * and ? in the folder's name are
    escaped. A glob keeps the views short, whereas a list of files would put thousands of paths into each. A blocking
    check (orchestration/publish/audit.py) compares the files that it matches with the lake's ledger.
-#}
{% macro lake_files(surface) -%}
    {{ sql_literal(modules.re.sub('([*?[])', '[\\1]', lake_root()) ~ '/' ~ surface ~ '/observed_date=*/*.parquet') }}
{%- endmacro %}

{% macro default__raw_view(source) -%}
    {%- set files = lake_files('*' if source.name == 'responses' else source.name) -%}
    {#- The lake's root as DuckDB writes it in file names, without `..` and doubled slashes; none if there are no files. -#}
    {%- set root = run_query(
        "select max(regexp_replace(file, '[^/]+/[^/]+/[^/]+$', '')) from glob(" ~ files ~ ")"
    ).columns[0][0] -%}
    {%- if root is none -%}
        {%- set relation = none -%}
    {%- elif source.name == 'responses' -%}
        {%- set relation -%}
            (
                select replace(file_name, {{ sql_literal(root) }}, '') as raw_file, decode(value) as metadata
                from parquet_kv_metadata({{ files }})
                where decode(key) = 'routerscope'
            )
        {%- endset -%}
    {%- else -%}
        {%- set relation -%}
            (
                select replace(filename, {{ sql_literal(root) }}, '') as raw_file, * exclude (filename)
                from read_parquet({{ files }}, union_by_name = true, filename = true, hive_partitioning = false)
            )
        {%- endset -%}
    {%- endif -%}
    create or replace view raw.{{ source.name }} as
    select
    {%- for column in source.columns.values() %}
        cast(null as {{ column.data_type }}) as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
    where false
    {%- if relation is not none %}
    {%- set found = run_query('describe select * from ' ~ relation).columns[0].values() %}
    union all by name
    select
    {%- for column in source.columns.values() if column.meta.expression or column.name in found %}
        {{ column.meta.expression or column.name }} as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
    from {{ relation }}
    {%- endif %}
{%- endmacro %}
