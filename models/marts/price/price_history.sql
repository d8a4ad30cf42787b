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
    {{ changed_price_names() }} as changed,
    {{ usd_per_mtok('previous_prices.prompt') }} as previous_prompt_usd_per_mtok,
    {{ usd_per_mtok('previous_prices.completion') }} as previous_completion_usd_per_mtok,
    {{ usd_per_mtok('previous_prices.cache_read') }} as previous_cache_read_usd_per_mtok,
    {{ usd_per_mtok('previous_prices.cache_write') }} as previous_cache_write_usd_per_mtok,
    {{ price_change_pct('prompt') }} as prompt_change_pct,
    {{ price_change_pct('completion') }} as completion_change_pct,
    -- Largest change in any token price, by absolute value.
    case
        when -list_min(changes_pct) > list_max(changes_pct) then list_min(changes_pct)
        else list_max(changes_pct)
    end as change_pct,
    scope_id,
    source_url,
    last_seen_at as as_of,
    coalesce(previous_seen_at, valid_from) as oldest_as_of,
    last_fetched_at as checked_at
from intervals
