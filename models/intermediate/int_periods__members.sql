-- Observed tokens of each member of a ranking in each day, week and month, with their upper bound. If a day does not
-- list a member, its tokens are unknown, never zero.
with periods as (

    {{ parts_of(ref('int_periods__totals')) }}

),

listed as (

    select * from {{ ref('int_members__observed') }}

),

added_up as (

    select
        periods.ranking,
        periods.period,
        periods.period_start,
        periods.period_end,
        listed.member_type,
        listed.member,
        cast(sum(listed.tokens) as bigint) as tokens,
        {{ added_up_tokens_high('periods') }} as tokens_high,
        cast(sum(listed.requests) as bigint) as requests,
        max(periods.unlisted_group_tokens_high) as unlisted_group_tokens_high,
        bool_or(periods.is_suspect) as is_suspect,
        max(periods.total_tokens) as total_tokens
    from periods
    inner join listed
        on
            periods.ranking = listed.ranking
            and periods.part_period = listed.period
            and periods.part_start = listed.period_start
    group by all

),

unknown as (

    select
        ranking,
        period,
        period_start,
        member_type,
        sum(tokens) as tokens
    from added_up
    where {{ is_unknown_segment('member') }}
    group by ranking, period, period_start, member_type

),

-- Unlisted models and models of unknown class may belong to any segment. The segment `other` is known exactly.
bounded as (

    select
        added_up.* exclude (tokens_high, unlisted_group_tokens_high, total_tokens),
        case
            when added_up.member_type in ('model', 'author', 'app') or added_up.member = 'other'
                then added_up.tokens_high
            else least(
                added_up.tokens + added_up.unlisted_group_tokens_high
                + case
                    when {{ is_unknown_segment('added_up.member') }} then 0
                    else coalesce(unknown.tokens, 0)
                end,
                added_up.total_tokens
            )
        end as tokens_high
    from added_up
    left join unknown using (ranking, period, period_start, member_type)

)

select
    ranking,
    period,
    period_start,
    period_end,
    member_type,
    member,
    tokens,
    cast(tokens_high as bigint) as tokens_high,
    requests,
    tokens = tokens_high and not is_suspect as is_complete_observation,
    row_number() over (
        partition by ranking, period, period_start, member_type order by tokens desc, member asc
    ) as rank
from bounded
