-- Newest response of each surface.
with responses as (

    select * from {{ ref('stg_openrouter__responses') }}

)

select
    surface,
    citation,
    licence,
    scope_id,
    source_url,
    as_of,
    fetched_at
from responses
qualify {{ is_latest_by('surface') }}
