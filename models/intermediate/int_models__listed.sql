-- Models in the newest list of /models.
with models as (

    select * from {{ ref('stg_openrouter__models') }}

),

newest as (

    select raw_file from {{ ref('int_models__lists') }}
    where is_newest

)

select
    models.model_id,
    models.canonical_slug,
    models.variant,
    models.author,
    models.name,
    {{ exact_price_columns('models') }},
    models.is_dynamic,
    models.overrides,
    models.context_length,
    models.max_completion_tokens,
    models.modality,
    models.input_modalities,
    models.output_modalities,
    models.is_reasoning_capable,
    models.supported_parameters,
    {{ feature_columns('models') }},
    models.expiration_date,
    models.alias_target_slug,
    models.scope_id,
    models.source_url,
    models.as_of,
    models.as_of as oldest_as_of,
    models.fetched_at as checked_at
from models
inner join newest using (raw_file)
