-- The share of the five leading models together, if no other model, listed or not, can belong to the five.
with windows as (

    select * from {{ ref('int_windows') }}
    where ranking = 'all' and span in ('day', 'week', 'month') and is_whole

),

-- The subject is in alphabetical order: a change of rank within the five is no revision of the claim.
top_five as (

    select
        span,
        span_start,
        string_agg(member, ', ' order by member) filter (where rank <= 5) as subject,
        string_agg(member, ', ' order by rank) filter (where rank <= 5) as subject_name,
        sum(tokens) filter (where rank <= 5) as tokens,
        sum(tokens_high) filter (where rank <= 5) as tokens_high,
        min(tokens) filter (where rank <= 5) as least_tokens,
        max(tokens_high) filter (where rank > 5) as next_tokens_high
    from {{ ref('int_windows__members') }}
    where ranking = 'all' and member_type = 'model'
    group by span, span_start

)

select
    'top_5_models' as kind,
    windows.span as period,
    windows.span_start as period_start,
    windows.ranking,
    top_five.subject,
    top_five.subject_name,
    top_five.tokens / windows.total_tokens as value,
    top_five.tokens_high / windows.total_tokens as value_high,
    windows.scope_id,
    windows.source_url,
    windows.as_of,
    windows.oldest_as_of,
    windows.checked_at
from windows
inner join top_five using (span, span_start)
where
    top_five.least_tokens
    > greatest(coalesce(top_five.next_tokens_high, 0), coalesce(windows.unlisted_member_tokens_high, 0))
