-- Newest category of each app. The source publishes an app's category only by including the app in the list of that
-- category.
with apps as (

    select * from {{ ref('stg_openrouter__apps') }}
    where category <> 'all'

)

select
    app_id,
    category,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from apps
qualify row_number() over (partition by app_id order by as_of desc, tokens desc, category asc) = 1
