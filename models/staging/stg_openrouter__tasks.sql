with source as (

    select * from {{ source('raw', 'tasks') }}

),

renamed as (

    select
        raw_file,
        tag,
        display_name,
        macro_category,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        window_days,
        usage_share,
        token_share,
        category_usage_share,
        category_token_share,

        as_of,
        fetched_at

    from source

)

select * from renamed
