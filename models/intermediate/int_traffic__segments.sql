-- Shares of the segments of each division of models, and of the remainder `other`, in each day, week and month.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

parts as (

    {{ parts_of('periods') }}

),

members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'all' and member_type not in ('model', 'author')

),

segments as (

    select * from {{ ref('int_usage__segments') }}

),

-- A division by price or by an attribute in /models also depends on lists of models, so their times count too.
inputs as (

    select
        parts.period,
        parts.period_start,
        segments.segment_type,
        segments.segment,
        {{ newest_times('segments.input_as_of', 'segments.input_oldest_as_of', 'segments.input_checked_at') }}
    from parts
    inner join segments on parts.part_period = segments.period and parts.part_start = segments.period_start
    group by all

)

select
    periods.period,
    periods.period_start,
    members.member_type as segment_type,
    members.member as segment,
    members.tokens,
    members.tokens_high,
    periods.total_tokens,
    members.tokens / periods.total_tokens as share,
    members.tokens_high / periods.total_tokens as share_high,
    case
        when members.member <> 'other' then members.tokens / (periods.total_tokens - periods.other_tokens)
    end as share_of_named,
    members.rank,
    members.is_complete_observation,
    periods.basis,
    periods.scope_id,
    periods.source_url,
    {{ merged_times('periods', 'inputs') }}
from periods
inner join members using (period, period_start)
inner join inputs
    on
        periods.period = inputs.period
        and periods.period_start = inputs.period_start
        and members.member_type = inputs.segment_type
        and members.member = inputs.segment
