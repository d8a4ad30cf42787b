with source as (

    select * from {{ source('raw', 'tasks') }}

),

listed as (

    select
        raw_file,
        tag,
        kind,
        source_url,
        unnest(models) as model,
        as_of,
        fetched_at
    from source

),

renamed as (

    select
        raw_file,
        tag,
        model.id as model_id,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        model.tag_usage_share,
        model.tag_token_share,

        as_of,
        fetched_at

    from listed

)

select * from renamed
