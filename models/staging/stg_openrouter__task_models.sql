with source as (

    select
        * exclude (models),
        unnest(models) as model
    from {{ source('raw', 'tasks') }}

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

    from source

)

select * from renamed
