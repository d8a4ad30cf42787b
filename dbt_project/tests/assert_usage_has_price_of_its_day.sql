{{ config(meta={'dagster': {'ref': {'name': 'spend_model'}}}) }}
-- The price of a day's usage is the one in the raw response that price_as_of names. That response was made by the end
-- of the day or is the first one after it, and no response in between lists the model.
with raw_models as (

    select distinct
        models.id,
        models.as_of,
        models.pricing_prompt,
        models.pricing_completion,
        models.pricing_input_cache_read
    from {{ source('raw', 'models') }} as models
    -- The models leave out lists that look truncated.
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect

),

usage as (

    select
        *,
        period_start + 1 as day_end
    from {{ ref('spend_model') }}
    where period = 'day' and price_basis <> 'none'

)

select
    usage.period_start as date,
    usage.model_permaslug,
    usage.price_basis,
    usage.price_as_of,
    usage.prompt_usd_per_mtok,
    raw.pricing_prompt
from usage
left join raw_models as raw on usage.model_id = raw.id and usage.price_as_of = raw.as_of
where
    raw.id is null
    or (usage.price_basis = 'backcast') <> (usage.price_as_of >= usage.day_end)
    or usage.prompt_usd_per_mtok is distinct from cast(
        case when raw.pricing_prompt >= 0 then raw.pricing_prompt end * 1000000 as double
    )
    or usage.completion_usd_per_mtok is distinct from cast(
        case when raw.pricing_completion >= 0 then raw.pricing_completion end * 1000000 as double
    )
    or usage.cache_read_usd_per_mtok is distinct from cast(
        case when raw.pricing_input_cache_read >= 0 then raw.pricing_input_cache_read end * 1000000 as double
    )
    or exists (
        select 1 from raw_models as nearer
        where
            usage.model_id = nearer.id
            and (
                (nearer.as_of > usage.price_as_of and nearer.as_of < usage.day_end)
                or (usage.price_basis = 'backcast' and nearer.as_of < usage.price_as_of)
            )
    )
