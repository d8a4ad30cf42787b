-- Every app that a complete day, week or month lists, under its newest name.
with apps as (

    select * from {{ ref('int_apps__latest') }}

),

listed as (

    select
        app_id,
        coalesce(list_sort(list(distinct app_name) filter (where app_name is not null)), []) as names,
        count(*) filter (where period = 'day') as days_ranked,
        min(period_start) as first_ranked_on,
        max(period_end) as last_ranked_on,
        {{ provenance_of('apps') }}
    from apps
    group by app_id

)

select
    listed.app_id,
    profiles.app_name,
    listed.names,
    profiles.category,
    listed.days_ranked,
    listed.first_ranked_on,
    listed.last_ranked_on,
    listed.scope_id,
    listed.source_url,
    {{ merged_times('listed', 'profiles') }}
from listed
inner join {{ ref('int_apps__profiles') }} as profiles using (app_id)
