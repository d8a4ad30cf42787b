-- What the listed apps of a whole complete period add up to, and how much an unlisted one may have had in it.
with apps as (

    select * from {{ ref('int_apps__latest') }}

)

select
    'apps' as ranking,
    period,
    period_start,
    period_end,
    scope_id,
    source_url,
    as_of,
    fetched_at,
    cast(sum(tokens) as bigint) as attributed_tokens,
    -- Apps are listed down to a rank: one that is not listed had no more than the last that is.
    min(tokens) as unlisted_member_tokens_high
from apps
group by period, period_start, period_end, scope_id, source_url, as_of, fetched_at
