-- Lists of models in the order in which the source made them, even if they were fetched later. A list that looks
-- truncated is left out, because an id that it lacks was not necessarily removed.
with lists as (

    select
        raw_file,
        as_of,
        fetched_at
    from {{ ref('int_lists__compared') }}
    where surface = 'models' and not is_suspect
    -- Several fetches share an as_of; keep the newest.
    qualify {{ is_latest_by('as_of') }}

)

select
    raw_file,
    as_of,
    fetched_at,
    row_number() over (order by as_of) as list_no,
    lag(as_of) over (order by as_of) as previous_as_of,
    as_of = max(as_of) over () as is_newest
from lists
