-- Total of the listed apps in each complete period, and an upper bound on the tokens of one unlisted app.
with apps as (

    select * from {{ ref('int_apps__latest') }}

),

sums as (

    select
        raw_file,
        period,
        period_start,
        period_end,
        scope_id,
        source_url,
        as_of,
        fetched_at,
        cast(sum(tokens) as bigint) as attributed_tokens,
        min(tokens) as last_listed_tokens
    from apps
    group by all

)

select
    'apps' as ranking,
    sums.period,
    sums.period_start,
    sums.period_end,
    sums.scope_id,
    sums.source_url,
    sums.as_of,
    sums.fetched_at,
    sums.attributed_tokens,
    compared.is_suspect,
    compared.is_truncated,
    -- The list ends at a rank, so an unlisted app had no more tokens than the last listed one, unless rows are missing.
    case
        when compared.is_truncated
            then greatest(sums.last_listed_tokens, coalesce(compared.missing_tokens, sums.attributed_tokens))
        else sums.last_listed_tokens
    end as unlisted_member_tokens_high
from sums
inner join {{ ref('int_responses__compared') }} as compared using (raw_file, period, period_start)
