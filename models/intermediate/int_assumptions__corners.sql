-- The corners of the box of assumed token splits, and its central point where there is one.
with assumptions as (

    select * from {{ ref('assumptions') }}

)

select
    assumptions.level,
    completion.place || ' / ' || cached.place as corner,
    completion.share as completion_share,
    cached.share as cached_share
from assumptions
cross join
    lateral (
        values ('low', completion_share_low), ('central', completion_share_central), ('high', completion_share_high)
    ) as completion (place, share)
cross join
    lateral (
        values ('low', cached_share_low), ('central', cached_share_central), ('high', cached_share_high)
    ) as cached (place, share)
where
    (completion.place = 'central') = (cached.place = 'central')
    and completion.share is not null
