with intervals as (

    select
        *,
        list_filter(
            [
                {%- for name in token_prices() %}
                {{ change_pct(name) }}{{ ',' if not loop.last }}
                {%- endfor %}
            ],
            lambda change: change <> 0
        ) as changes_pct
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
    {{ shown_prices() }},
    len(overrides) > 0 as has_overrides,
    case when len(overrides) > 0 then cast(to_json(overrides) as varchar) end as overrides,
    {{ changed_prices() }} as changed,
    {% for name in ['prompt', 'completion', 'cache_read', 'cache_write'] -%}
    {{ usd_per_mtok('previous_prices.' ~ name) }} as previous_{{ name }}_usd_per_mtok,
    {% endfor -%}
    {{ change_pct('prompt') }} as prompt_change_pct,
    {{ change_pct('completion') }} as completion_change_pct,
    -- Of all token prices, the change of greatest magnitude.
    case
        when len(changes_pct) > 0
            then list_reduce(changes_pct, lambda one, two: case when abs(one) >= abs(two) then one else two end)
    end as change_pct,
    scope_id,
    source_url,
    last_seen_at as as_of,
    valid_from as oldest_as_of,
    last_fetched_at as checked_at
from intervals
