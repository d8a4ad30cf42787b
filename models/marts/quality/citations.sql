-- Citation line for each surface, as of its newest response.
with latest as (

    select * from {{ ref('int_responses__latest') }}

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
from latest
