-- What a whole complete period adds up to, and how much an unlisted member may have had in it.
with rankings as (

    select * from {{ ref('int_rankings__latest') }}

),

totals as (

    select
        slice as ranking,
        period,
        period_start,
        period_end,
        scope_id,
        source_url,
        as_of,
        fetched_at,
        cast(sum(tokens) as bigint) as total_tokens,
        cast(coalesce(sum(tokens) filter (where is_other), 0) as bigint) as other_tokens,
        coalesce(min(tokens) filter (where not is_other), 0) as last_listed_tokens
    from rankings
    group by all

)

select
    *,
    -- An unlisted model had at most what the last listed one had, and no more than all unlisted ones together.
    least(last_listed_tokens, other_tokens) as unlisted_member_tokens_high,
    -- A group of models, such as an author's, may have any number of unlisted ones.
    other_tokens as unlisted_group_tokens_high
from totals
