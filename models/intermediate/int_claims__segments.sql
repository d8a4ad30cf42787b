-- Shares of two groups of models: those with open weights and those that are free.
with concentration as (

    select * from {{ ref('int_traffic__concentration') }}

),

segments as (

    select * from {{ ref('int_traffic__segments') }}

),

spend as (

    select * from {{ ref('int_traffic__spend') }}

),

-- A lower bound of 0 means that no listed model is known to be open, so no claim is made.
open_weights as (

    select
        'open_weights' as kind,
        period,
        period_start,
        'all' as ranking,
        'models with open weights' as subject,
        open_weights_share_low as value,
        open_weights_share_high as value_high,
        cast(null as timestamp) as price_as_of,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from concentration
    where open_weights_share_low > 0

),

-- Which models are free depends on prices, so the claim also cites the list of models.
free_models as (

    select
        'free_models' as kind,
        segments.period,
        segments.period_start,
        'all' as ranking,
        'free models' as subject,
        segments.share as value,
        cast(null as double) as value_high,
        spend.price_as_of,
        segments.scope_id,
        segments.source_url,
        segments.as_of,
        segments.oldest_as_of,
        segments.checked_at
    from segments
    inner join spend using (period, period_start)
    where segments.segment_type = 'price_class' and segments.segment = 'free'

)

select * from open_weights
union all
select * from free_models
