-- Price per token of each model over all plausible splits into input, cached input and output.
with prices as (

    select * from {{ ref('int_usage__prices') }}
    where price_class <> 'unpriced'

),

corners as (

    select * from {{ ref('int_token_mix__corners') }}

),

-- A price is linear in each share, so its extremes are at corners: those of the box of individual models, and those of
-- the class of the model's first price. All classes use caches, so input that is not read from the cache may have been
-- written to it.
at_corners as (

    select
        prices.period,
        prices.period_start,
        prices.model_permaslug,
        corners.mix_class = 'single_model' as is_single_model,
        corners.corner = 'central / central' as is_central,
        {{ blended_price(
            'prices.mean_prompt_price', 'prices.mean_completion_price', 'prices.mean_cache_read_price',
            'corners.completion_share', 'corners.cached_share'
        ) }} as price,
        {{ blended_price(
            'prices.mean_input_high_price', 'prices.mean_completion_price', 'prices.mean_cached_high_price',
            'corners.completion_share', 'corners.cached_share'
        ) }} as price_high
    from prices
    inner join corners
        on
            corners.mix_class = 'single_model'
            or {{ is_in_class('prices.first_prompt_price * 1000000', 'corners', unit='usd_per_mtok') }}

)

select
    period,
    period_start,
    model_permaslug,
    min(price) filter (where is_single_model) as single_price_low,
    max(price) filter (where is_single_model) as single_price_high,
    min(price) filter (where not is_single_model) as mix_price_low,
    max(price) filter (where is_central) as mix_price_central,
    max(price_high) filter (where not is_single_model) as mix_price_high
from at_corners
group by period, period_start, model_permaslug
