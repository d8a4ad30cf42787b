with source as (

    select * from {{ source('raw', 'endpoints') }}

),

renamed as (

    select
        raw_file,
        model_id,
        {{ variant('model_id') }} as variant,
        {{ author('model_id') }} as author,
        http_status,
        endpoint_no,
        -- Provider and tag are part of the key of an endpoint, so they get a value even if the source leaves them out.
        case when endpoint_no is not null then coalesce(provider_name, 'unnamed provider') end as provider_name,
        case when endpoint_no is not null then coalesce(tag, 'untagged') end as tag,
        name,
        quantization,
        supported_parameters,
        {{ supported_features() }},
        supports_implicit_caching,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        context_length,
        max_prompt_tokens,
        max_completion_tokens,
        status,
        status = 0 as is_up,
        uptime_last_5m as uptime_5m_pct,
        uptime_last_30m as uptime_30m_pct,
        uptime_last_1d as uptime_1d_pct,

        -- A negative price means that the price depends on the route, so it is unknown, not free.
        {% for name, source_name in price_names().items() -%}
            case when pricing_{{ source_name }} >= 0 then pricing_{{ source_name }} end as {{ name }}_price,
        {% endfor -%}
        coalesce(pricing_overrides, []) as overrides,
        latency_last_30m.p50 as latency_30m_p50_seconds,
        latency_last_30m.p75 as latency_30m_p75_seconds,
        latency_last_30m.p90 as latency_30m_p90_seconds,
        latency_last_30m.p99 as latency_30m_p99_seconds,
        throughput_last_30m.p50 as throughput_30m_p50_tokens_per_second,
        throughput_last_30m.p75 as throughput_30m_p75_tokens_per_second,
        throughput_last_30m.p90 as throughput_30m_p90_tokens_per_second,
        throughput_last_30m.p99 as throughput_30m_p99_tokens_per_second,

        as_of,
        fetched_at

    from source

)

select * from renamed
