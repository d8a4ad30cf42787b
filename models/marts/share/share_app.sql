with periods as (

    select * from {{ ref('int_periods__totals') }}
    where ranking = 'apps' and is_whole

),

members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'apps'

),

apps as (

    select * from {{ ref('int_apps__profiles') }}

)

select
    periods.period,
    periods.period_start,
    apps.app_id,
    apps.app_name,
    apps.category,
    members.requests,
    members.tokens / nullif(members.requests, 0) as tokens_per_request,
    periods.ranking_as_of as app_as_of,
    {{ share_columns() }}
from periods
inner join members using (period, period_start)
inner join apps on members.member = cast(apps.app_id as varchar)
