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

-- Unlisted models and models of unknown class may belong to any segment. The segment `other` is known exactly.
bounded as (

    select
        * exclude (tokens_high, unlisted_group_tokens_high, total_tokens),
        case
            when member_type in ('model', 'author', 'app') or member = 'other' then tokens_high
            else least(
                tokens + unlisted_group_tokens_high
                + case
                    when {{ is_unknown_segment('member') }} then 0
                    else coalesce(
                        sum(tokens) filter (where {{ is_unknown_segment('member') }}) over (
                            partition by ranking, period, period_start, member_type
                        ), 0
                    )
                end,
                total_tokens
            )
        end as tokens_high
    from added_up

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
