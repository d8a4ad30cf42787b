-- Implied spend on all traffic of each day, week and month at list prices, for any split of tokens and for the split of
-- each model's input price class.
with usage as (

    select * from {{ ref('int_usage__periods') }}

),

fit as (

    select max(fitted_to) as fitted_to from {{ ref('int_token_mix__corners') }}

),

listed as (

    select
        period,
        period_start,
        max(period_end) as period_end,
        sum(tokens) as named_tokens,
        sum(priced_tokens) as priced_tokens,
        coalesce(sum(tokens) filter (where price_class = 'paid'), 0) as paid_tokens,
        cast(sum(spend_low) as double) as spend_low,
        cast(sum(spend_high) as double) as spend_high,
        cast(sum(spend_mix_low) as double) as spend_plausible_low,
        cast(sum(spend_mix_high) as double) as spend_plausible_high,
        cast(sum(spend_mix_central) as double) as spend_central,
        max(price_as_of) as price_as_of,
        {{ provenance_of_spend() }}
    from usage
    group by period, period_start

)

select
    listed.period,
    listed.period_start,
    listed.named_tokens,
    listed.priced_tokens,
    listed.paid_tokens,
    listed.spend_low,
    listed.spend_high,
    listed.spend_plausible_low,
    listed.spend_plausible_high,
    listed.spend_central,
    1000000 * listed.spend_central / nullif(listed.priced_tokens, 0) as usd_per_mtok_central,
    case when listed.spend_central is not null then listed.period_end - fit.fitted_to end as token_mix_age_days,
    listed.price_as_of,
    listed.scope_id,
    listed.source_url,
    listed.as_of,
    listed.oldest_as_of,
    listed.checked_at
from listed
cross join fit
