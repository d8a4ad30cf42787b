-- Summary of the listed endpoints of each id, whose times are those of its newest response. Speed covers only the
-- endpoints that are up.
with endpoints as (

    select * from {{ ref('int_endpoints__latest') }}
    where is_listed

)

select
    model_id,
    count(*) as endpoints,
    count(*) filter (where is_up) as endpoints_up,
    count(distinct provider_name) as providers,
    {% for name in ['prompt', 'completion'] -%}
        {% for aggregate in ['min', 'median', 'max'] -%}
            {{ aggregate }}({{ usd_per_mtok(name ~ '_price') }}) as endpoint_{{ name }}_usd_per_mtok_{{ aggregate }},
        {% endfor -%}
    {% endfor -%}
    median(uptime_30m_pct) as median_uptime_30m_pct,
    median(latency_30m_p50_seconds) filter (where is_up) as median_latency_30m_p50_seconds,
    median(throughput_30m_p50_tokens_per_second) filter (where is_up)
        as median_throughput_30m_p50_tokens_per_second,
    {{ newest_times('as_of', 'as_of', 'fetched_at') }}
from endpoints
group by model_id
