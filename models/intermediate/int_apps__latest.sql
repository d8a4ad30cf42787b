-- Apps of each complete day, week and month, all from the newest response for it.
with responses as (

    select * from {{ ref('stg_openrouter__responses') }}
    where surface = 'apps' and slice = 'all'

),

apps as (

    select * from {{ ref('stg_openrouter__apps') }}

),

latest as (

    select
        raw_file,
        period,
        start_date as period_start,
        end_date as period_end,
        scope_id,
        source_url,
        as_of,
        fetched_at
    from responses
    where period in ('day', 'week', 'month') and end_date < cast(as_of as date)
    qualify {{ is_latest_by('start_date, end_date') }}

)

select
    latest.period,
    latest.period_start,
    latest.period_end,
    apps.app_id,
    apps.app_name,
    apps.tokens,
    apps.requests,
    latest.raw_file,
    latest.scope_id,
    latest.source_url,
    latest.as_of,
    latest.fetched_at
from latest
inner join apps using (raw_file)
