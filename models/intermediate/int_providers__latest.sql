-- Newest row of each provider in /providers. A list that looks truncated is left out.
with providers as (

    select providers.*
    from {{ ref('stg_openrouter__providers') }} as providers
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect

)

select
    provider_name,
    provider_slug,
    headquarters_country,
    datacenter_countries,
    privacy_policy_url,
    terms_of_service_url,
    status_page_url,
    as_of = max(as_of) over () as is_listed,
    scope_id,
    source_url,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from providers
qualify {{ is_latest_by('provider_name') }}
