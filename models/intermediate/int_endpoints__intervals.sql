-- Runs of consecutive responses for a model with the same prices and context window for an endpoint.
with endpoints as (

    select * from {{ ref('int_endpoints__observed') }}

),

listed as (

    select
        model_id,
        provider_name,
        endpoint_tag,
        tag,
        variant,
        author,
        quantization,
        {{ exact_price_columns('endpoints') }},
        {{ sorted_overrides('overrides') }} as overrides,
        context_length,
        max_completion_tokens,
        scope_id,
        source_url,
        as_of,
        fetched_at,
        list_no,
        previous_as_of,
        is_newest,
        {{ prices_struct(['context_length']) }} as prices
    from endpoints

),

intervals as (

    {{ price_intervals('listed', ['model_id', 'provider_name', 'endpoint_tag']) }}

)

select * from intervals
