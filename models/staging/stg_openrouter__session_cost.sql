with source as (

    select * from {{ source('raw', 'session_cost') }}

),

renamed as (

    select
        raw_file,
        app_slug,
        app_name,
        model_permaslug,
        turn_range,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        window_days,
        median_session_cost_usd,

        window_end_date as window_end,
        as_of,
        fetched_at

    from source

)

select * from renamed
