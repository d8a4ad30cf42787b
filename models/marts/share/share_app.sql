with spans as (

    select * from {{ ref('int_windows') }}
    where ranking = 'apps' and span in ('day', 'week', 'month') and is_whole

),

members as (

    select * from {{ ref('int_windows__members') }}
    where ranking = 'apps'

),

apps as (

    select
        names.app_id,
        names.app_name,
        categories.category
    from {{ ref('int_apps__names') }} as names
    left join {{ ref('int_apps__categories') }} as categories using (app_id)

)

select
    spans.span as period,
    spans.span_start as period_start,
    apps.app_id,
    apps.app_name,
    apps.category,
    members.requests,
    members.tokens / nullif(members.requests, 0) as tokens_per_request,
    spans.ranking_as_of as app_as_of,
    {{ share_columns() }}
from spans
inner join members using (span, span_start)
inner join apps on members.member = cast(apps.app_id as varchar)
