with source as (

    select * from {{ source('raw', 'apps') }}

),

renamed as (

    select
        raw_file,
        app_id,
        case when trim(app_name) <> '' then app_name end as app_name,
        coalesce(category, 'all') as category,
        {{ period_of_days('start_date', 'end_date') }} as period,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        total_tokens as tokens,
        total_requests as requests,
        rank as source_rank,

        start_date as window_start,
        end_date as window_end,
        as_of,
        fetched_at

    from source

)

select * from renamed
