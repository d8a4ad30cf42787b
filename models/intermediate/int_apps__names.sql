-- Newest name of each app. An app that the source never named gets a substitute name, so that tables and sentences can
-- refer to it.
with names as (

    select * from {{ ref('int_apps__latest') }}

)

select
    app_id,
    coalesce(
        max_by(app_name, (period_end, as_of, app_name)) filter (where app_name is not null),
        'an unnamed app (id ' || app_id || ')'
    ) as app_name
from names
group by app_id
