-- The only dollar amounts that the source publishes: the newest values of each window, unchanged.
with latest as (

    select * from {{ ref('int_session_cost__latest') }}

)

select
    window_end,
    app_slug,
    model_permaslug,
    turn_range,
    app_name,
    window_days,
    median_session_cost_usd,
    true as is_estimate,
    scope_id,
    source_url,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from latest
