{{ config(meta={'dagster': {'ref': {'name': 'price_current'}}}, severity='warn') }}
-- Current prices make sense: cached input costs no more than other input, and the condition of each override is known.
-- Check a price that does not before you quote or export it: it may be a mistake of the source.
select
    model_id,
    case when prices is null then 'an override has an unknown condition' else 'cached input costs more' end as problem,
    prompt_usd_per_mtok,
    cache_read_usd_per_mtok,
    as_of
from {{ ref('price_current') }}
where prices is null or cache_read_usd_per_mtok > prompt_usd_per_mtok
order by model_id
