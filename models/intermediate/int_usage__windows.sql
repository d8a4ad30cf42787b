-- Priced usage of each model in each day, week and month: as given by the source, else day by day.
-- That a model is not listed on a day is told by that day's response: the moments of usage are those of the whole span.
with spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'all' and span in ('day', 'week', 'month') and is_whole

),

usage as (

    select * from {{ ref('int_usage__priced') }}

)

select
    spans.span,
    spans.span_start,
    spans.span_end,
    spans.basis,
    spans.scope_id,
    spans.source_url,
    spans.as_of as usage_as_of,
    spans.oldest_as_of as usage_oldest_as_of,
    spans.checked_at as usage_checked_at,
    usage.*
from spans
inner join usage
    on
        usage.period = case spans.basis when 'source' then spans.span else 'day' end
        and usage.period_start between spans.span_start and spans.span_end
