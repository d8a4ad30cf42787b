-- Newest row of /models for each permaslug, which is the canonical slug with the variant of the id.
with models as (

    select * from {{ ref('stg_openrouter__models') }}
    where canonical_slug is not null

),

lists as (

    select * from {{ ref('int_models__lists') }}

),

named as (

    select
        models.*,
        {{ permaslug('models.canonical_slug', 'models.variant') }} as model_permaslug,
        min(models.created_at) over permaslug as first_created_at,
        min(models.as_of) over permaslug as first_seen_at,
        lists.is_newest as is_listed
    from models
    inner join lists using (raw_file)
    window permaslug as (partition by models.canonical_slug, models.variant)

)

select
    model_permaslug,
    model_id,
    name,
    first_created_at as created_at,
    context_length,
    max_completion_tokens,
    modality,
    input_modalities,
    output_modalities,
    is_reasoning_capable,
    supported_parameters,
    {{ feature_columns('named') }},
    expiration_date,
    hugging_face_id,
    alias_target_slug,
    is_listed,
    first_seen_at,
    scope_id,
    source_url,
    as_of,
    fetched_at
from named
qualify {{ is_latest_by('model_permaslug', within_response='model_id asc') }}
