-- Newest row of each endpoint. A provider may have several endpoints with the same tag; they are numbered in the listed
-- order.
with endpoints as (

    select * from {{ ref('int_endpoints__observed') }}

)

select
    * exclude (is_newest, list_no, previous_as_of),
    is_newest as is_listed
from endpoints
qualify {{ is_latest_by('model_id, provider_name, tag, tag_no') }}
