with intervals as (

    select
        *,
        {{ token_price_changes_pct() }} as changes_pct
    from {{ ref('int_endpoints__intervals') }}

)

select
    model_id,
    provider_name,
    endpoint_tag,
    tag,
    variant,
    author,
    quantization,
    valid_from,
    valid_to,
    not_before,
    last_seen_at,
    is_return,
    {{ price_columns_with_units() }},
    len(overrides) > 0 as has_overrides,
    {{ call_prices() }} as prices,
    context_length,
    max_completion_tokens,
    {{ changed_price_names(['context_length']) }} as changed,
    {{ previous_price_columns() }},
    cast(previous_prices.discount as double) as previous_discount,
    previous_prices.context_length as previous_context_length,
    {{ price_change_pct('prompt') }} as prompt_change_pct,
    {{ price_change_pct('completion') }} as completion_change_pct,
    {{ largest_change('changes_pct') }} as change_pct,
    scope_id,
    source_url,
    last_seen_at as as_of,
    coalesce(previous_seen_at, valid_from) as oldest_as_of,
    last_fetched_at as checked_at
from intervals
