with source as (

    select * from {{ source('raw', 'responses') }}

),

renamed as (

    select
        raw_file,
        surface,
        coalesce('source=' || benchmark_source, {{ slice() }}) as slice,
        case
            when surface = 'apps' then {{ period_of_days('start_date', 'end_date') }}
            else coalesce(period, 'day')
        end as period,
        {{ scope_id('kind') }} as scope_id,
        request_url,
        source_url,
        citation,
        licence,
        payload_sha256,

        rows as row_count,

        start_date,
        end_date,
        as_of,
        fetched_at

    from source

)

select * from renamed
