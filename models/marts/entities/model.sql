-- Every model that /models lists or a ranking names, in its newest state.
with profiles as (

    select * from {{ ref('int_models__profiles') }}

)

select
    model_permaslug,
    base_slug,
    variant,
    author,
    model_id,
    name,
    created_at,
    context_length,
    max_completion_tokens,
    modality,
    input_modalities,
    output_modalities,
    is_reasoning_capable,
    supported_parameters,
    {{ feature_columns('profiles') }},
    expiration_date,
    weights,
    total_parameters_b,
    active_parameters_b,
    size_class,
    hugging_face_id,
    alias_target_slug,
    is_listed,
    first_seen_at,
    last_seen_at,
    first_ranked_on,
    last_ranked_on,
    days_ranked,
    endpoints_as_of,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from profiles
