with source as (

    select * from {{ source('raw', 'benchmarks') }}

),

renamed as (

    select
        raw_file,
        source as benchmark_source,
        model_permaslug,
        display_name as name,
        arena,
        category,
        benchmark_type,
        primary_metric,
        search_engine,
        search_surface,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        intelligence_index,
        coding_index,
        agentic_index,
        elo,
        win_rate as win_rate_pct,
        accuracy,
        accuracy_stddev,
        primary_score,
        avg_cost_per_task as avg_cost_per_task_usd,
        avg_latency_per_task_ms,
        avg_generation_time_ms,
        total_tasks,
        {{ usd_per_mtok('pricing_prompt') }} as prompt_usd_per_mtok,
        {{ usd_per_mtok('pricing_completion') }} as completion_usd_per_mtok,

        last_run_timestamp as last_run_at,
        as_of,
        fetched_at

    from source

)

select * from renamed
