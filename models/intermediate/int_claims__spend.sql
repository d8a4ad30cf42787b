-- Implied spend of each day, week and month: the cost of the priced traffic at list prices, for any split of its tokens
-- and, in the caveat, for the split of each model's input price class.
with spend as (

    select * from {{ ref('int_traffic__spend') }}

),

-- All input price classes have the same basis, so `distinct` leaves one row.
token_mix as (

    select distinct basis
    from {{ ref('token_mix') }}
    where mix_class <> 'single_model'

)

select
    'implied_spend' as kind,
    spend.period,
    spend.period_start,
    'all' as ranking,
    'all priced traffic' as subject,
    spend.spend_low as value,
    spend.spend_high as value_high,
    spend.spend_plausible_low as caveat_value,
    spend.spend_plausible_high as caveat_value_high,
    token_mix.basis as caveat_basis,
    spend.price_as_of,
    spend.scope_id,
    spend.source_url,
    spend.as_of,
    spend.oldest_as_of,
    spend.checked_at
from spend
cross join token_mix
where spend.spend_high > 0
