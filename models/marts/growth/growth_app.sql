with members as (

    select * from {{ ref('int_growth__members') }}
    where ranking = 'apps'

),

apps as (

    select
        app_id,
        app_name,
        category
    from {{ ref('int_apps__profiles') }}

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
