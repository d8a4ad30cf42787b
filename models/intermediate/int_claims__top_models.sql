-- Combined share of the five leading models, if no other model, listed or not, may belong to the five.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

-- The subject lists the five in alphabetical order, so that a change of rank among them does not revise the claim.
top_five as (

    select
        period,
        period_start,
        string_agg(member, ', ' order by member) filter (where rank <= 5) as subject,
        string_agg(member, ', ' order by rank) filter (where rank <= 5) as subject_name,
        sum(tokens) filter (where rank <= 5) as tokens,
        sum(tokens_high) filter (where rank <= 5) as tokens_high,
        min(tokens) filter (where rank <= 5) as least_tokens,
        max(tokens_high) filter (where rank > 5) as next_tokens_high
    from {{ ref('int_periods__members') }}
    where ranking = 'all' and member_type = 'model'
    group by period, period_start

)

select
    'top_5_models' as kind,
    periods.period,
    periods.period_start,
    periods.ranking,
    top_five.subject,
    top_five.subject_name,
    top_five.tokens / periods.total_tokens as value,
    top_five.tokens_high / periods.total_tokens as value_high,
    periods.scope_id,
    periods.source_url,
    periods.as_of,
    periods.oldest_as_of,
    periods.checked_at
from periods
inner join top_five using (period, period_start)
where
    top_five.least_tokens
    > greatest(coalesce(top_five.next_tokens_high, 0), coalesce(periods.unlisted_member_tokens_high, 0))
