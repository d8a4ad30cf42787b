-- The raw file, request and hash behind each day of each surface, so that a reader can trace a figure to its response.
with covered as (

    select * from {{ ref('int_responses__covered') }}

)

select
    surface,
    slice,
    period,
    period_start as date,
    raw_file,
    request_url,
    payload_sha256,
    row_count as rows,
    is_complete,
    is_latest,
    fetched_at,
    scope_id,
    source_url,
    as_of,
    as_of as oldest_as_of,
    fetched_at as checked_at
from covered
