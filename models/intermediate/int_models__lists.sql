-- The observations of /models in the order the source made them; late arrivals take their place. A list that looks
-- truncated is set aside: that it lacks an id does not mean that the id is gone.
with observations as (

    select
        raw_file,
        as_of,
        fetched_at
    from {{ ref('int_lists__compared') }}
    where surface = 'models' and not is_suspect
    -- Several fetches share an as_of; keep the newest.
    qualify row_number() over (partition by as_of order by fetched_at desc, raw_file desc) = 1

)

select
    raw_file,
    as_of,
    fetched_at,
    row_number() over (order by as_of) as observation_no,
    lag(as_of) over (order by as_of) as previous_as_of,
    as_of = max(as_of) over () as is_newest
from observations
