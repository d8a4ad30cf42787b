-- Observed tokens of each member of a ranking in each day, week and month, with their upper bound. If a day does not
-- list a member, its tokens are unknown, never zero.
-- Each period has a number, because DuckDB groups and sorts by a number faster than by names.
with periods as (

    select
        *,
        row_number() over (order by ranking, period, period_start) as period_number
    from {{ ref('int_periods__totals') }}

),

parts as (

    {{ parts_of('periods') }}

),

listed as (

    select * from {{ ref('int_members__observed') }}

),

-- The source lists the exact tokens of a member in a period that it reports itself.
reported as (

    select
        periods.period_number,
        listed.member_type,
        listed.member,
        listed.tokens,
        listed.tokens as tokens_high,
        periods.unlisted_group_tokens_high,
        periods.is_suspect,
        periods.total_tokens
    from periods
    inner join listed using (ranking, period, period_start)
    where periods.basis = 'source'

),

added_up as (

    select
        parts.period_number,
        listed.member_type,
        listed.member,
        cast(sum(listed.tokens) as bigint) as tokens,
        {{ added_up_tokens_high('parts') }} as tokens_high,
        max(parts.unlisted_group_tokens_high) as unlisted_group_tokens_high,
        bool_or(parts.is_suspect) as is_suspect,
        max(parts.total_tokens) as total_tokens
    from parts
    inner join listed
        on
            parts.ranking = listed.ranking
            and parts.part_period = listed.period
            and parts.part_start = listed.period_start
    where parts.basis = 'days'
    group by parts.period_number, listed.member_type, listed.member

),

members as (

    select * from reported
    union all
    select * from added_up

),

unknown as (

    select
        period_number,
        member_type,
        sum(tokens) as tokens
    from members
    where {{ is_unknown_segment('member') }}
    group by period_number, member_type

),

-- Unlisted models and models of unknown class may belong to any segment. The segment `other` is known exactly.
bounded as (

    select
        members.* exclude (tokens_high, unlisted_group_tokens_high, total_tokens),
        case
            when members.member_type in ('model', 'author', 'app') or members.member = 'other'
                then members.tokens_high
            else least(
                members.tokens + members.unlisted_group_tokens_high
                + case
                    when {{ is_unknown_segment('members.member') }} then 0
                    else coalesce(unknown.tokens, 0)
                end,
                members.total_tokens
            )
        end as tokens_high
    from members
    left join unknown using (period_number, member_type)

),

ranked as (

    select
        *,
        row_number() over (partition by period_number, member_type order by tokens desc, member asc) as rank
    from bounded

)

select
    periods.ranking,
    periods.period,
    periods.period_start,
    ranked.member_type,
    ranked.member,
    ranked.tokens,
    cast(ranked.tokens_high as bigint) as tokens_high,
    ranked.tokens = ranked.tokens_high and not ranked.is_suspect as is_complete_observation,
    ranked.rank
from ranked
inner join periods using (period_number)
