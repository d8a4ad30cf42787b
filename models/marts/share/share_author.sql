with members as (

    select * from {{ ref('int_windows__members') }}
    where ranking = 'all' and member_type = 'author'

),

spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'all' and span in ('day', 'week', 'month') and is_whole

)

select
    spans.span as period,
    spans.span_start as period_start,
    members.member as author,
    {{ share_columns() }}
from spans
inner join members using (span, span_start)
