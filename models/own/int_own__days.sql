-- Each day, model and provider of the log with what its prices depend on, and the times of the day at which one of them
-- may have changed.
with logged as (

    select
        logged.logged_model,
        logged.logged_variant,
        logged.provider_name,
        logged.date,
        models.model_permaslug,
        models.model_id,
        models.author,
        models.variant,
        models.weights,
        models.output_modalities,
        models.match_reason
    from {{ ref('int_own__logged_days') }} as logged
    inner join {{ ref('int_own__models') }} as models
        on
            logged.logged_model = models.logged_model
            and logged.logged_variant is not distinct from models.logged_variant

),

endpoints as (

    select * from {{ ref('int_own__price_tables') }}
    where not is_listed_price

),

-- A provider that has no endpoint of the model in the release says nothing about the price.
known_providers as (

    select distinct
        model_id,
        provider_name
    from endpoints

),

changes as (

    select distinct
        model_id,
        provider_name,
        unnest([possible_from, possible_to]) as changed_at
    from endpoints

),

cut as (

    select
        logged.*,
        known.provider_name as priced_provider,
        list_sort(list(distinct changes.changed_at) filter (changes.changed_at is not null)) as cuts
    from logged
    left join known_providers as known
        on logged.model_id = known.model_id and logged.provider_name = known.provider_name
    left join changes
        on
            logged.model_id = changes.model_id
            and logged.date < changes.changed_at
            and changes.changed_at < logged.date + interval 1 day
            and (known.provider_name is null or known.provider_name = changes.provider_name)
    group by all

)

select
    row_number() over (order by cut.date, cut.logged_model, cut.logged_variant, cut.provider_name) as day_no,
    cut.* exclude (cuts),
    coalesce(cut.cuts, []) as cuts,
    coalesce(conditions.has_prompt_classes, false) as has_prompt_classes,
    coalesce(conditions.clock_times, [0]) as clock_times
from cut
left join {{ ref('int_own__model_conditions') }} as conditions on cut.model_id = conditions.model_id
