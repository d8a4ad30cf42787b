-- Shares of the parts of each division of models, and of the remainder `other`, in each day, week and month.
with spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'all' and span in ('day', 'week', 'month') and is_whole

),

members as (

    select * from {{ ref('int_windows__members') }}
    where ranking = 'all' and member_type not in ('model', 'author')

),

segments as (

    select * from {{ ref('int_usage__segments') }}

),

-- Observations of /models that went into a division, beside those of usage.
inputs as (

    select
        spans.span,
        spans.span_start,
        segments.segment_type,
        segments.segment,
        max(segments.input_as_of) as input_as_of,
        min(segments.input_oldest_as_of) as input_oldest_as_of,
        max_by(segments.input_checked_at, (segments.input_as_of, segments.input_checked_at)) as input_checked_at
    from spans
    inner join segments
        on
            segments.period = case spans.basis when 'source' then spans.span else 'day' end
            and segments.period_start between spans.span_start and spans.span_end
    group by all

)

select
    spans.span as period,
    spans.span_start as period_start,
    members.member_type as segment_type,
    members.member as segment,
    members.tokens,
    members.tokens_high,
    spans.total_tokens,
    members.tokens / spans.total_tokens as share,
    members.tokens_high / spans.total_tokens as share_high,
    case
        when members.member <> 'other' then members.tokens / (spans.total_tokens - spans.other_tokens)
    end as share_of_named,
    members.rank,
    members.is_complete_observation,
    spans.basis,
    spans.scope_id,
    spans.source_url,
    greatest(spans.as_of, inputs.input_as_of) as as_of,
    least(spans.oldest_as_of, inputs.input_oldest_as_of) as oldest_as_of,
    case when inputs.input_as_of > spans.as_of then inputs.input_checked_at else spans.checked_at end as checked_at
from spans
inner join members using (span, span_start)
inner join inputs
    on
        spans.span = inputs.span
        and spans.span_start = inputs.span_start
        and members.member_type = inputs.segment_type
        and members.member = inputs.segment
