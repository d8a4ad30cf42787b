-- Every model that /models lists or a ranking names, with its newest listing, its attributes and the days on which it
-- was ranked.
with models as (

    select * from {{ ref('int_models__latest') }}

),

listed as (

    select
        *,
        first_seen_at as oldest_as_of,
        fetched_at as checked_at
    from models

),

-- Only days in the ranking of all traffic count; a model that only a slice lists has none.
ranked as (

    select
        model_permaslug,
        min(period_start) filter (where slice = 'all' and period = 'day') as first_ranked_on,
        max(period_start) filter (where slice = 'all' and period = 'day') as last_ranked_on,
        count(*) filter (where slice = 'all' and period = 'day') as days_ranked,
        {{ provenance_of('latest') }}
    from {{ ref('int_rankings__latest') }} as latest
    where not is_other
    group by model_permaslug

),

offers as (

    select
        model_id,
        as_of
    from {{ ref('int_endpoints__offers') }}

),

attributes as (

    select * from {{ ref('int_models__attributes') }}

),

known as (

    select model_permaslug from listed
    union
    select model_permaslug from ranked

)

select
    known.model_permaslug,
    attributes.base_slug,
    attributes.variant,
    attributes.author,
    listed.model_id,
    listed.name,
    listed.created_at,
    listed.context_length,
    listed.max_completion_tokens,
    listed.modality,
    listed.input_modalities,
    listed.output_modalities,
    listed.is_reasoning_capable,
    listed.supported_parameters,
    {{ feature_columns('listed') }},
    listed.expiration_date,
    attributes.weights,
    cast(attributes.total_parameters_b as double) as total_parameters_b,
    cast(attributes.active_parameters_b as double) as active_parameters_b,
    attributes.size_class,
    nullif(listed.hugging_face_id, '') as hugging_face_id,
    listed.alias_target_slug,
    coalesce(listed.is_listed, false) as is_listed,
    listed.first_seen_at,
    listed.as_of as last_seen_at,
    ranked.first_ranked_on,
    ranked.last_ranked_on,
    coalesce(ranked.days_ranked, 0) as days_ranked,
    offers.as_of as endpoints_as_of,
    coalesce(listed.scope_id, ranked.scope_id) as scope_id,
    coalesce(listed.source_url, ranked.source_url) as source_url,
    {{ merged_times('listed', 'ranked') }}
from known
inner join attributes using (model_permaslug)
left join listed using (model_permaslug)
left join ranked using (model_permaslug)
left join offers on listed.model_id = offers.model_id
