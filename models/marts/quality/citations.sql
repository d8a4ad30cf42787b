-- How to cite each surface, as of its newest response.
with observations as (

    select * from {{ ref('stg_openrouter__responses') }}

)

select
    surface,
    citation,
    licence,
    scope_id,
    source_url,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from observations
qualify row_number() over (partition by surface order by as_of desc, fetched_at desc, raw_file desc) = 1
