-- Newest name and category of each app. An app that the source never named gets a substitute name, so that tables and
-- sentences can refer to it.
with apps as (

    select * from {{ ref('int_apps__latest') }}

),

names as (

    select
        app_id,
        coalesce(
            max_by(app_name, (period_end, as_of, app_name)) filter (where app_name is not null),
            'an unnamed app (id ' || app_id || ')'
        ) as app_name
    from apps
    group by app_id

),

-- The source publishes an app's category only by including the app in the list of that category.
categories as (

    select
        app_id,
        category,
        as_of,
        fetched_at
    from {{ ref('stg_openrouter__apps') }}
    where category <> 'all'
    qualify {{ is_latest_by('app_id') }}

)

select
    names.app_id,
    names.app_name,
    categories.category,
    categories.as_of,
    categories.as_of as oldest_as_of,
    categories.fetched_at as checked_at
from names
left join categories using (app_id)
