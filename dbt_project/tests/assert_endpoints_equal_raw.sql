{{ config(meta={'dagster': {'ref': {'name': 'price_endpoint_history'}}}) }}
-- Every endpoint in a usable raw response is counted once in the uptime of its day, and its price then is the one in
-- the history. Computed from the raw table, independently of the models.
with raw_endpoints as (

    select
        endpoints.model_id,
        coalesce(endpoints.provider_name, 'unnamed provider') as provider_name,
        coalesce(endpoints.tag, 'untagged') as tag,
        endpoints.as_of,
        cast(endpoints.as_of as date) as date,
        endpoints.context_length,
        endpoints.status,
        case when endpoints.pricing_prompt >= 0 then endpoints.pricing_prompt end as prompt_price,
        case when endpoints.pricing_completion >= 0 then endpoints.pricing_completion end as completion_price
    from {{ source('raw', 'endpoints') }} as endpoints
    -- The models leave out sweeps that look truncated.
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect and endpoints.http_status = 200 and endpoints.endpoint_no is not null

),

observed as (

    select
        model_id,
        provider_name,
        tag,
        date,
        count(*) as observations,
        count(*) filter (where status = 0) as observations_up
    from raw_endpoints
    group by model_id, provider_name, tag, date

),

published as (

    select
        model_id,
        provider_name,
        tag,
        date,
        sum(observations) as observations,
        sum(round(coalesce(up_share, 0) * observations)) as observations_up
    from {{ ref('endpoint_uptime') }}
    group by model_id, provider_name, tag, date

)

select
    'endpoint_uptime' as mart,
    model_id,
    tag,
    date
from observed
full join published using (model_id, provider_name, tag, date)
where
    observed.observations is distinct from published.observations
    or observed.observations_up is distinct from published.observations_up

union all

select
    'price_endpoint_history' as mart,
    raw_endpoints.model_id,
    raw_endpoints.tag,
    raw_endpoints.date
from raw_endpoints
left join {{ ref('price_endpoint_history') }} as history
    on
        raw_endpoints.model_id = history.model_id
        and raw_endpoints.provider_name = history.provider_name
        and raw_endpoints.tag = history.tag
        and raw_endpoints.as_of between history.valid_from and history.last_seen_at
        and cast(raw_endpoints.prompt_price * 1000000 as double) is not distinct from history.prompt_usd_per_mtok
        and cast(raw_endpoints.completion_price * 1000000 as double)
        is not distinct from history.completion_usd_per_mtok
        and raw_endpoints.context_length is not distinct from history.context_length
where history.model_id is null
