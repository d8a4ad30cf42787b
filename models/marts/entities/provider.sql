-- Who hosts: every provider that /providers lists or that has, or had, an endpoint.
with listed as (

    select providers.*
    from {{ ref('stg_openrouter__providers') }} as providers
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    -- A list that looks truncated is set aside.
    where not lists.is_suspect

),

told as (

    select * from listed
    qualify row_number() over (partition by provider_name order by as_of desc, fetched_at desc, raw_file desc) = 1

),

newest as (

    select max(as_of) as as_of from listed

),

endpoints as (

    select * from {{ ref('price_endpoint') }}

),

hosted as (

    select
        provider_name,
        count(*) filter (where is_listed) as endpoints,
        count(*) filter (where is_up) as endpoints_up,
        count(distinct model_id) filter (where is_listed) as models_hosted,
        median(uptime_30m_pct) filter (where is_listed) as median_uptime_30m_pct,
        {{ provenance_of_sums('endpoints') }}
    from endpoints
    group by provider_name

)

select
    provider_name,
    told.provider_slug,
    told.headquarters_country,
    told.datacenter_countries,
    told.privacy_policy_url,
    told.terms_of_service_url,
    told.status_page_url,
    coalesce(told.as_of = newest.as_of, false) as is_listed,
    coalesce(hosted.endpoints, 0) as endpoints,
    coalesce(hosted.endpoints_up, 0) as endpoints_up,
    coalesce(hosted.models_hosted, 0) as models_hosted,
    hosted.median_uptime_30m_pct,
    hosted.as_of as endpoints_as_of,
    coalesce(told.scope_id, hosted.scope_id) as scope_id,
    coalesce(told.source_url, hosted.source_url) as source_url,
    greatest(told.as_of, hosted.as_of) as as_of,
    least(told.as_of, hosted.oldest_as_of) as oldest_as_of,
    case
        when told.as_of is null or hosted.as_of > told.as_of then hosted.checked_at
        else told.fetched_at
    end as checked_at
from told
full join hosted using (provider_name)
cross join newest
