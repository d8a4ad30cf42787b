with source as (

    select * from {{ source('raw', 'observations') }}

),

renamed as (

    select
        raw_file,
        surface,
        {{ slice() }} as slice,
        coalesce(period, 'day') as period,
        {{ scope_id('kind') }} as scope_id,
        request_url,
        source_url,
        citation,
        licence,
        payload_sha256,

        rows as row_count,
        schema_version,

        start_date,
        end_date,
        as_of,
        fetched_at

    from source

)

select * from renamed
