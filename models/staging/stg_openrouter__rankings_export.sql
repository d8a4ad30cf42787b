with source as (

    select * from {{ source('raw', 'rankings_export') }}

),

renamed as (

    select
        raw_file,
        'all' as slice,
        'day' as period,
        model_permaslug,
        {{ base_slug('model_permaslug') }} as base_slug,
        {{ variant('model_permaslug') }} as variant,
        {{ author('model_permaslug') }} as author,
        {{ is_model_slug('model_permaslug') }} as is_model,
        not {{ is_model_slug('model_permaslug') }}
        and not {{ is_other_slug('model_permaslug') }} as is_malformed,

        total_tokens as tokens,
        rank as source_rank,
        share_of_daily_tokens as source_share,

        date as period_start,
        as_of,
        fetched_at

    from source

)

select * from renamed
