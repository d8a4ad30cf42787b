-- Every provider that /providers lists or that has or had an endpoint. Providers host models.
with listed as (

    select * from {{ ref('int_providers__latest') }}

),

endpoints as (

    select * from {{ ref('int_endpoints__latest') }}

),

hosted as (

    select
        provider_name,
        count(*) filter (where is_listed) as endpoints,
        count(*) filter (where is_listed and is_up) as endpoints_up,
        count(distinct model_id) filter (where is_listed) as models_hosted,
        median(uptime_30m_pct) filter (where is_listed) as median_uptime_30m_pct,
        {{ provenance_of('endpoints') }}
    from endpoints
    group by provider_name

)

select
    provider_name,
    listed.provider_slug,
    listed.headquarters_country,
    listed.datacenter_countries,
    listed.privacy_policy_url,
    listed.terms_of_service_url,
    listed.status_page_url,
    coalesce(listed.is_listed, false) as is_listed,
    coalesce(hosted.endpoints, 0) as endpoints,
    coalesce(hosted.endpoints_up, 0) as endpoints_up,
    coalesce(hosted.models_hosted, 0) as models_hosted,
    hosted.median_uptime_30m_pct,
    hosted.as_of as endpoints_as_of,
    coalesce(listed.scope_id, hosted.scope_id) as scope_id,
    coalesce(listed.source_url, hosted.source_url) as source_url,
    {{ merged_times('listed', 'hosted') }}
from listed
full join hosted using (provider_name)
