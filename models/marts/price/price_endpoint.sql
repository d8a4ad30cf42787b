with endpoints as (

    select * from {{ ref('int_endpoints__latest') }}

)

select
    model_id,
    provider_name,
    tag,
    tag_no,
    endpoint_tag,
    variant,
    author,
    {{ price_columns_with_units() }},
    len(overrides) > 0 as has_overrides,
    {{ call_prices() }} as prices,
    quantization,
    context_length,
    max_completion_tokens,
    supported_parameters,
    {{ feature_columns('endpoints') }},
    status,
    is_listed,
    is_listed and is_up as is_up,
    uptime_30m_pct,
    uptime_1d_pct,
    {% for percentile in ['p50', 'p75', 'p90', 'p99'] -%}
        latency_30m_{{ percentile }}_seconds,
        throughput_30m_{{ percentile }}_tokens_per_second,
    {% endfor -%}
    -- Ranks count the listed endpoints of the model that have a price; equal prices share a rank.
    {% for name in ['prompt', 'completion'] -%}
        case
            when is_listed and {{ name }}_price is not null
                then rank() over (partition by model_id, is_listed order by {{ name }}_price asc nulls last)
        end as {{ name }}_price_rank,
    {% endfor -%}
    scope_id,
    source_url,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from endpoints
