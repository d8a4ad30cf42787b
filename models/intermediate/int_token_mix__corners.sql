-- Corners of the box of token splits of each input price class, and its central point if the class has one.
with token_mix as (

    select * from {{ ref('token_mix') }}

)

select
    token_mix.mix_class,
    token_mix.at_least_usd_per_mtok,
    token_mix.below_usd_per_mtok,
    token_mix.fitted_to,
    completion.place || ' / ' || cached.place as corner,
    completion.share as completion_share,
    cached.share as cached_share
from token_mix
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
