{{ config(meta={'dagster': {'ref': {'name': 'spend_model'}}}) }}
-- spend_low to spend_high includes every price that may have been valid on the day, including the price in the first
-- list after the day: that list is usually made minutes later, and its price may have started on the day.
{%- set prices = ['prompt', 'completion', 'input_cache_read', 'input_cache_write'] %}
with raw_models as (

    select distinct
        models.id,
        models.canonical_slug,
        {% for name in prices -%}
            case when models.pricing_{{ name }} >= 0 then models.pricing_{{ name }} end as {{ name }},
        {% endfor -%}
        models.as_of
    from {{ source('raw', 'models') }} as models
    -- The models leave out lists that look truncated.
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect

),

days as (

    select distinct period_start
    from {{ ref('spend_model') }}
    where period = 'day'

),

next_lists as (

    select
        days.period_start,
        min(raw_models.as_of) as as_of
    from days
    inner join raw_models on raw_models.as_of >= days.period_start + 1
    group by days.period_start

)

select
    usage.period_start as date,
    usage.model_permaslug,
    next_lists.as_of as next_list_as_of,
    usage.spend_low,
    usage.priced_tokens * least({{ prices | join(', ') }}) as least_at_next_list,
    usage.spend_high,
    usage.priced_tokens * greatest({{ prices | join(', ') }}) as greatest_at_next_list
from {{ ref('spend_model') }} as usage
inner join next_lists on usage.period_start = next_lists.period_start
inner join raw_models
    on
        usage.model_id = raw_models.id
        and usage.base_slug = raw_models.canonical_slug
        and next_lists.as_of = raw_models.as_of
where
    usage.period = 'day'
    and usage.variant <> 'free'
    and (
        least_at_next_list < usage.spend_low * (1 - 1e-9)
        or greatest_at_next_list > usage.spend_high * (1 + 1e-9)
    )
