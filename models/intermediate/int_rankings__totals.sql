-- The total of each complete period, and the most tokens that an unlisted member can have had in it.
with rankings as (

    select * from {{ ref('int_rankings__latest') }}

),

compared as (

    select * from {{ ref('int_responses__compared') }}

),

sums as (

    select
        slice as ranking,
        period,
        period_start,
        period_end,
        raw_file,
        scope_id,
        source_url,
        as_of,
        fetched_at,
        cast(sum(tokens) as bigint) as total_tokens,
        cast(coalesce(sum(tokens) filter (where is_other), 0) as bigint) as other_tokens,
        coalesce(min(tokens) filter (where not is_other), 0) as last_listed_tokens
    from rankings
    group by all

),

-- Any member may be missing from a truncated list, and may have had everything that is unlisted or missing.
unlisted as (

    select
        sums.*,
        compared.is_suspect,
        compared.is_truncated,
        compared.largest_malformed_tokens,
        least(
            sums.other_tokens + coalesce(compared.missing_tokens, sums.total_tokens), sums.total_tokens
        ) as unlisted_tokens_high
    from sums
    inner join compared using (raw_file, period, period_start)

)

select
    ranking,
    period,
    period_start,
    period_end,
    scope_id,
    source_url,
    as_of,
    fetched_at,
    total_tokens,
    other_tokens,
    last_listed_tokens,
    is_suspect,
    is_truncated,
    -- An unlisted model had at most what the last listed one had (or the largest row with a malformed slug, which may
    -- be that model), and no more than all unlisted ones together.
    case
        when is_truncated then unlisted_tokens_high
        else least(greatest(last_listed_tokens, largest_malformed_tokens), other_tokens)
    end as unlisted_member_tokens_high,
    -- A group of models, such as those of an author, may include any number of unlisted ones.
    unlisted_tokens_high as unlisted_group_tokens_high
from unlisted
