-- The newest observation of /models; what it no longer lists is in price_history.
with models as (

    select * from {{ ref('stg_openrouter__models') }}

),

newest as (

    select raw_file from {{ ref('int_models__observations') }}
    where is_newest

),

intervals as (

    select
        model_id,
        is_free,
        valid_from,
        not_before
    from {{ ref('int_prices__intervals') }}
    where is_open

)

select
    models.model_id,
    {{ permaslug('models.canonical_slug', 'models.variant') }} as model_permaslug,
    models.author,
    models.name,
    {{ shown_prices() }},
    intervals.is_free,
    models.is_dynamic,
    len(models.overrides) > 0 as has_overrides,
    intervals.valid_from as price_valid_from,
    intervals.not_before as price_not_before,
    models.context_length,
    models.max_completion_tokens,
    models.modality,
    models.input_modalities,
    models.output_modalities,
    models.is_reasoning_capable,
    models.alias_target_slug,
    models.scope_id,
    models.source_url,
    models.as_of,
    models.as_of as oldest_as_of,
    models.fetched_at as checked_at
from models
inner join newest using (raw_file)
inner join intervals using (model_id)
