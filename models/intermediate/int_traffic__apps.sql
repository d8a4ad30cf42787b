-- How much of the traffic of each day, week and month the listed apps have.
with spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'apps' and span in ('day', 'week', 'month') and is_whole

),

members as (

    select * from {{ ref('int_windows__members') }}
    where ranking = 'apps'

)

select
    spans.span as period,
    spans.span_start as period_start,
    {% for top in [1, 5, 10] -%}
        sum(members.tokens) filter (where members.rank <= {{ top }}) / spans.total_tokens as top_{{ top }}_app_share,
    {% endfor -%}
    (spans.total_tokens - spans.other_tokens) / spans.total_tokens as attributed_share,
    spans.scope_id,
    spans.source_url,
    spans.as_of,
    spans.oldest_as_of,
    spans.checked_at
from spans
inner join members using (span, span_start)
group by
    spans.span,
    spans.span_start,
    spans.total_tokens,
    spans.other_tokens,
    spans.scope_id,
    spans.source_url,
    spans.as_of,
    spans.oldest_as_of,
    spans.checked_at
