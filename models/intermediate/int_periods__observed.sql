-- Every complete day, week and month that the source reports, with the total of its ranking, for models and apps alike.
with rankings as (

    select * from {{ ref('int_rankings__totals') }}

),

apps as (

    select * from {{ ref('int_apps__totals') }}

)

select
    ranking,
    period,
    period_start,
    period_end,
    total_tokens,
    other_tokens,
    unlisted_member_tokens_high,
    unlisted_group_tokens_high,
    is_suspect,
    is_truncated,
    scope_id,
    source_url,
    as_of,
    fetched_at
from rankings

union all

select
    ranking,
    period,
    period_start,
    period_end,
    attributed_tokens as total_tokens,
    0 as other_tokens,
    unlisted_member_tokens_high,
    0 as unlisted_group_tokens_high,
    is_suspect,
    is_truncated,
    scope_id,
    source_url,
    as_of,
    fetched_at
from apps
