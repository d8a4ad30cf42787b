-- Names and countries of authors. A row of the seed counts only if its evidence was checked; the simulator's authors
-- are fictional and need none.
select
    author,
    display_name,
    country,
    parent,
    evidence_url,
    checked_on,
    false as is_fictional
from {{ ref('authors') }}
where status = 'verified'

union all

select
    author,
    display_name,
    country,
    cast(null as varchar) as parent,
    cast(null as varchar) as evidence_url,
    cast(null as date) as checked_on,
    true as is_fictional
from {{ ref('simulated_authors') }}
