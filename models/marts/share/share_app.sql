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

),

parts as (

    {{ parts_of('periods') }}

),

-- The source publishes requests of apps only, so they are added up here instead of with the tokens of all members.
requests as (

    select
        parts.period,
        parts.period_start,
        listed.app_id,
        cast(sum(listed.requests) as bigint) as requests
    from parts
    inner join {{ ref('int_apps__latest') }} as listed
        on parts.part_period = listed.period and parts.part_start = listed.period_start
    group by parts.period, parts.period_start, listed.app_id

)

select
    periods.period,
    periods.period_start,
    apps.app_id,
    apps.app_name,
    apps.category,
    requests.requests,
    members.tokens / nullif(requests.requests, 0) as tokens_per_request,
    periods.ranking_as_of as app_as_of,
    {{ share_columns() }}
from periods
inner join members using (period, period_start)
inner join apps on members.member = cast(apps.app_id as varchar)
inner join requests
    on
        periods.period = requests.period
        and periods.period_start = requests.period_start
        and apps.app_id = requests.app_id
