-- Session cost in each window, all from the newest response for it.
with costs as (

    select * from {{ ref('stg_openrouter__session_cost') }}

)

select
    window_end,
    app_slug,
    model_permaslug,
    turn_range,
    app_name,
    window_days,
    median_session_cost_usd,
    scope_id,
    source_url,
    as_of,
    fetched_at
from costs
-- The source need not state the window; without its end, values cannot be dated.
where window_end is not null
-- All rows of the newest response share the first rank.
qualify rank() over (partition by window_end order by as_of desc, fetched_at desc, raw_file desc) = 1
