-- The only dollars the source publishes: what it said last of each window, as it stands.
with told as (

    select * from {{ ref('stg_openrouter__session_cost') }}

),

latest as (

    select
        window_end,
        raw_file
    from told
    qualify
        row_number() over (partition by window_end order by as_of desc, fetched_at desc, raw_file desc) = 1

)

select
    told.window_end,
    told.app_slug,
    told.model_permaslug,
    told.turn_range,
    told.app_name,
    told.window_days,
    told.median_session_cost_usd,
    true as is_estimate,
    told.scope_id,
    told.source_url,
    told.as_of,
    told.as_of as oldest_as_of,
    told.fetched_at as checked_at
from told
inner join latest using (window_end, raw_file)
