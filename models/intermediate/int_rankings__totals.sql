-- Total of each complete period, with upper bounds on the tokens of an unlisted member.
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

-- A truncated list may lack any member, so one member may have had all tokens that are unlisted or missing.
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
    is_suspect,
    is_truncated,
    -- An unlisted model had no more tokens than the last listed one (or than the largest row with a malformed slug,
    -- which may be that model), and no more than all unlisted models combined.
    case
        when is_truncated then unlisted_tokens_high
        else least(greatest(last_listed_tokens, largest_malformed_tokens), other_tokens)
    end as unlisted_member_tokens_high,
    -- A group of models, such as an author's, may include any number of unlisted models.
    unlisted_tokens_high as unlisted_group_tokens_high
from unlisted
