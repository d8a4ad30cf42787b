-- Who is new in the list of each day, week and month, and who is still there.
with spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'all' and span in ('day', 'week', 'month') and is_whole

),

members as (

    select * from {{ ref('int_windows__members') }}
    where ranking = 'all' and member_type = 'model'

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

launched as (

    select
        spans.span,
        spans.span_start,
        coalesce(
            sum(members.tokens) filter (
                where attributes.created_on between spans.span_end - 27 and spans.span_end
            ), 0
        ) as launched_tokens,
        max(attributes.as_of) as as_of,
        min(attributes.as_of) as oldest_as_of,
        max_by(attributes.fetched_at, attributes.as_of) as checked_at
    from spans
    -- A response whose rows all have malformed slugs lists no model.
    left join members using (span, span_start)
    left join attributes on members.member = attributes.model_permaslug
    group by spans.span, spans.span_start

),

days as (

    select
        spans.span_end as date,
        spans.as_of,
        spans.checked_at,
        members.member
    from spans
    inner join members using (span, span_start)
    where spans.span = 'day'

),

survival as (

    select
        earlier.date + 28 as date,
        count(later.member) / count(*) as survival,
        max(earlier.as_of) as as_of,
        max(earlier.checked_at) as checked_at
    from days as earlier
    left join days as later
        on
            earlier.member = later.member
            and earlier.date + 28 = later.date
    where earlier.date + 28 in (select listed.date from days as listed)
    group by earlier.date

),

-- The survivors of a period are those of its last day, which has a response of its own.
last_days as (

    select
        span_end as date,
        as_of,
        checked_at
    from spans
    where span = 'day'

)

select
    spans.span as period,
    spans.span_start as period_start,
    launched.launched_tokens / spans.total_tokens as launched_share,
    survival.survival,
    spans.scope_id,
    spans.source_url,
    greatest(spans.as_of, launched.as_of, survival.as_of, last_days.as_of) as as_of,
    least(spans.oldest_as_of, launched.oldest_as_of, survival.as_of, last_days.as_of) as oldest_as_of,
    case greatest(spans.as_of, launched.as_of, survival.as_of, last_days.as_of)
        when spans.as_of then spans.checked_at
        when launched.as_of then launched.checked_at
        when last_days.as_of then last_days.checked_at
        else survival.checked_at
    end as checked_at
from spans
inner join launched using (span, span_start)
left join survival on spans.span_end = survival.date
left join last_days on survival.date = last_days.date
