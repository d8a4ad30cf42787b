-- Number of providers in the last sweep of endpoints of each day, week and month.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

endpoints as (

    {{ whole_sweeps() }}

),

sweeps as (

    select
        raw_file,
        cast(as_of as date) as date,
        count(distinct provider_name) as providers_listed,
        max(as_of) as as_of,
        min(as_of) as oldest_as_of,
        max(fetched_at) as checked_at
    from endpoints
    where endpoint_no is not null
    group by raw_file, cast(as_of as date)

)

select
    periods.period,
    periods.period_start,
    sweeps.providers_listed,
    periods.scope_id,
    periods.source_url,
    sweeps.as_of,
    sweeps.oldest_as_of,
    sweeps.checked_at
from periods
inner join sweeps on sweeps.date between periods.period_start and periods.period_end
qualify
    row_number() over (
        partition by periods.period, periods.period_start
        order by sweeps.as_of desc, sweeps.checked_at desc, sweeps.raw_file desc
    ) = 1
