-- Every app that a complete day, week or month lists, under its newest name. The source may leave the name out: an app
-- without any is called by its id, so that every table and sentence can name it.
with listed as (

    select * from {{ ref('int_apps__latest') }}

),

-- A category's list says that its apps are of it; the source gives no other word on that.
categories as (

    select
        app_id,
        category,
        source_url,
        as_of,
        fetched_at
    from {{ ref('stg_openrouter__apps') }}
    where category <> 'all'
    qualify row_number() over (partition by app_id order by as_of desc, tokens desc, category asc) = 1

)

select
    listed.app_id,
    any_value(names.app_name) as app_name,
    coalesce(list_sort(list(distinct listed.app_name) filter (where listed.app_name is not null)), []) as names,
    any_value(categories.category) as category,
    count(*) filter (where listed.period = 'day') as days_ranked,
    min(listed.period_start) as first_ranked_on,
    max(listed.period_end) as last_ranked_on,
    max(listed.scope_id) as scope_id,
    max(listed.source_url) as source_url,
    greatest(max(listed.as_of), max(categories.as_of)) as as_of,
    least(min(listed.as_of), min(categories.as_of)) as oldest_as_of,
    case
        when max(categories.as_of) > max(listed.as_of) then max(categories.fetched_at)
        else max_by(listed.fetched_at, (listed.as_of, listed.fetched_at))
    end as checked_at
from listed
inner join {{ ref('int_apps__names') }} as names using (app_id)
left join categories using (app_id)
group by listed.app_id
