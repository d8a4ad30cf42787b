with source as (

    select * from {{ source('raw', 'providers') }}

),

renamed as (

    select
        raw_file,
        slug as provider_slug,
        -- The slug is unique, so it can replace a missing name.
        coalesce(name, slug) as provider_name,
        headquarters as headquarters_country,
        datacenters as datacenter_countries,
        privacy_policy_url,
        terms_of_service_url,
        status_page_url,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        as_of,
        fetched_at

    from source

)

select * from renamed
