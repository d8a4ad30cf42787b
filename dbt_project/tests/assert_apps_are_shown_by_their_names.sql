{{ config(meta={'dagster': {'ref': {'name': 'growth_drivers'}}}) }}
-- Where a mart identifies an app by its number, the app's name is beside it, as in the mart `app`.
with named as (

    select distinct
        'anomaly' as mart,
        subject as member,
        subject_name as member_name
    from {{ ref('anomaly') }}
    where subject_type = 'app'

    union all

    select distinct
        'growth_drivers' as mart,
        member,
        member_name
    from {{ ref('growth_drivers') }}
    where dimension = 'app' and member <> 'unattributed'

)

select
    named.mart,
    named.member,
    named.member_name,
    app.app_name
from named
left join {{ ref('app') }} as app on named.member = cast(app.app_id as varchar)
where named.member_name is distinct from app.app_name
