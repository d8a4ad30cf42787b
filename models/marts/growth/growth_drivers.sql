-- Contributions to the change of each total, by dimension; they add up to it exactly.
with drivers as (

    select * from {{ ref('int_growth__drivers') }}

),

windows as (

    select * from {{ ref('int_growth__windows') }}

),

apps as (

    select * from {{ ref('int_apps__profiles') }}

)

select
    drivers.window_end,
    drivers.horizon,
    drivers.dimension,
    drivers.member,
    coalesce(apps.app_name, drivers.member) as member_name,
    drivers.tokens,
    drivers.base_tokens,
    drivers.tokens - drivers.base_tokens as change_tokens,
    100 * ((drivers.tokens - drivers.base_tokens) / windows.base_total_tokens) as contribution_pp,
    windows.total_tokens,
    windows.base_total_tokens,
    windows.scope_id,
    windows.source_url,
    {{ merged_times('windows', 'drivers') }}
from drivers
inner join windows using (ranking, horizon, window_end)
left join apps on drivers.dimension = 'app' and drivers.member = cast(apps.app_id as varchar)
