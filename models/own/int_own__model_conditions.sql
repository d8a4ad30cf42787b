-- What the prices of each model depend on: whether on the length of the prompt, and on which times of day (UTC, as
-- HHMM).
with overrides as (

    select
        model_id,
        unnest((prices).overrides) as condition
    from {{ ref('int_own__price_tables') }}

),

conditions as (

    select
        model_id,
        bool_or(condition.min_prompt_tokens is not null) as has_prompt_classes,
        list_distinct(flatten(list([condition.utc_start, condition.utc_end]))) as times
    from overrides
    group by model_id

)

select
    tables.model_id,
    coalesce(max(conditions.has_prompt_classes), false) as has_prompt_classes,
    list_sort(list_distinct(list_append(
        coalesce(max(list_filter(conditions.times, lambda time: time < 2400)), []), 0
    ))) as clock_times
from {{ ref('int_own__price_tables') }} as tables
left join conditions using (model_id)
group by tables.model_id
