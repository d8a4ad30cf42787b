with source as (

    select * from {{ source('raw', 'rankings') }}

),

renamed as (

    select
        raw_file,
        {{ slice() }} as slice,
        period,
        model_permaslug,
        {{ base_slug('model_permaslug') }} as base_slug,
        {{ variant('model_permaslug') }} as variant,
        {{ author('model_permaslug') }} as author,
        {{ is_model_slug('model_permaslug') }} as is_model,
        not {{ is_model_slug('model_permaslug') }}
        and not {{ is_other_slug('model_permaslug') }} as is_malformed,

        total_tokens as tokens,

        date as period_start,
        as_of,
        fetched_at

    from source

)

select * from renamed
