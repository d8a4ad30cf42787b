with intervals as (

    select
        *,
        {{ token_price_changes_pct() }} as changes_pct
    from {{ ref('int_prices__intervals') }}

)

select
    model_id,
    model_permaslug,
    author,
    valid_from,
    valid_to,
    not_before,
    last_seen_at,
    is_return,
    is_free,
    is_dynamic,
    {{ price_columns_with_units() }},
    len(overrides) > 0 as has_overrides,
    case when len(overrides) > 0 then cast(to_json(overrides) as varchar) end as overrides,
    {{ call_prices() }} as prices,
    {{ changed_price_names(['is_dynamic']) }} as changed,
    {{ previous_price_columns() }},
    {{ price_change_pct('prompt') }} as prompt_change_pct,
    {{ price_change_pct('completion') }} as completion_change_pct,
    {{ largest_change('changes_pct') }} as change_pct,
    scope_id,
    source_url,
    last_seen_at as as_of,
    coalesce(previous_seen_at, valid_from) as oldest_as_of,
    last_fetched_at as checked_at
from intervals
