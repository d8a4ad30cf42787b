with members as (

    select * from {{ ref('int_growth__members') }}
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
    members.window_end,
    members.horizon,
    apps.app_id,
    apps.app_name,
    apps.category,
    {{ growth_columns() }}
from members
inner join apps on members.member = cast(apps.app_id as varchar)
