with endpoints as (

    select
        *,
        cast(as_of as date) as date
    from {{ ref('int_endpoints__observed') }}

),

days as (

    select
        date,
        model_id,
        provider_name,
        endpoint_tag,
        max(tag) as tag,
        count(*) as observations,
        avg(case when is_up then 1e0 when not is_up then 0e0 end) as up_share,
        min(uptime_30m_pct) as min_uptime_30m_pct,
        median(uptime_30m_pct) as median_uptime_30m_pct,
        median(latency_30m_p50_seconds) as median_latency_30m_p50_seconds,
        median(throughput_30m_p50_tokens_per_second) as median_throughput_30m_p50_tokens_per_second,
        {{ provenance_of('endpoints') }}
    from endpoints
    group by date, model_id, provider_name, endpoint_tag

),

-- An outage belongs to each observed day from its first to its last observation.
outages as (

    select
        days.date,
        days.model_id,
        days.provider_name,
        days.endpoint_tag,
        list(
            { 'first_seen_at': outages.first_seen_at, 'last_seen_at': outages.last_seen_at }
            order by outages.first_seen_at
        ) as outages
    from days
    inner join {{ ref('int_endpoints__outages') }} as outages
        on
            days.model_id = outages.model_id
            and days.provider_name = outages.provider_name
            and days.endpoint_tag = outages.endpoint_tag
            and days.date between cast(outages.first_seen_at as date) and cast(outages.last_seen_at as date)
    group by days.date, days.model_id, days.provider_name, days.endpoint_tag

)

select
    days.date,
    days.model_id,
    days.provider_name,
    days.endpoint_tag,
    days.tag,
    days.observations,
    days.up_share,
    days.min_uptime_30m_pct,
    days.median_uptime_30m_pct,
    days.median_latency_30m_p50_seconds,
    days.median_throughput_30m_p50_tokens_per_second,
    coalesce(outages.outages, []) as outages,
    days.scope_id,
    days.source_url,
    days.as_of,
    days.oldest_as_of,
    days.checked_at
from days
left join outages using (date, model_id, provider_name, endpoint_tag)
