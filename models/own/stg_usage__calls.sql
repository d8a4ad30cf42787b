{{ config(materialized='view', tags=['bulk']) }}

with source as (

    select * from {{ source('usage', 'calls') }}

),

renamed as (

    select
        raw_file,
        file_row_number as row_no,
        call_id,
        is_id_repeated,
        source,
        model as logged_model,
        variant as logged_variant,
        provider_name,
        label,
        calls,
        prompt_tokens,
        cached_tokens,
        cache_write_tokens,
        completion_tokens,
        reasoning_tokens,
        charged_usd,
        cache_usd,
        extra_usd,
        upstream_usd,
        is_daily,
        is_failed,
        is_own_key,
        called_at,
        cast(called_at as date) as date,
        updated_at,
        skipped,
        refusal
    from source

)

select * from renamed
