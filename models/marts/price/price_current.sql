-- Every id in the newest list of models, with its prices and its endpoints. price_history has ids that are no longer
-- listed.
with models as (

    select * from {{ ref('int_models__listed') }}

),

intervals as (

    select
        model_id,
        is_free,
        valid_from,
        not_before
    from {{ ref('int_prices__intervals') }}
    where is_open

),

-- An endpoint that is no longer listed has no current price.
endpoints as (

    select
        *,
        {{ usd_per_mtok('prompt_price') }} as prompt_usd_per_mtok,
        {{ usd_per_mtok('completion_price') }} as completion_usd_per_mtok
    from {{ ref('int_endpoints__latest') }}
    where is_listed

),

offers as (

    select * from {{ ref('int_endpoints__offers') }}

),

-- The cheapest endpoint has the lowest input price; in a tie, the lowest output price decides.
cheapest_up as (

    select
        model_id,
        provider_name,
        tag,
        prompt_usd_per_mtok,
        completion_usd_per_mtok
    from endpoints
    where is_up and prompt_usd_per_mtok is not null and completion_usd_per_mtok is not null
    qualify
        row_number() over (
            partition by model_id
            order by prompt_usd_per_mtok, completion_usd_per_mtok, provider_name, tag, tag_no
        ) = 1

)

select
    models.model_id,
    {{ permaslug('models.canonical_slug', 'models.variant') }} as model_permaslug,
    models.author,
    models.name,
    {{ price_columns_with_units() }},
    intervals.is_free,
    models.is_dynamic,
    len(models.overrides) > 0 as has_overrides,
    {{ call_prices() }} as prices,
    intervals.valid_from as price_valid_from,
    intervals.not_before as price_not_before,
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
    offers.endpoints,
    offers.endpoints_up,
    offers.providers,
    {% for name in ['prompt', 'completion'] -%}
        {% for aggregate in ['min', 'median', 'max'] -%}
            offers.endpoint_{{ name }}_usd_per_mtok_{{ aggregate }},
        {% endfor -%}
    {% endfor -%}
    cheapest_up.provider_name as cheapest_up_provider,
    cheapest_up.tag as cheapest_up_tag,
    cheapest_up.prompt_usd_per_mtok as cheapest_up_prompt_usd_per_mtok,
    cheapest_up.completion_usd_per_mtok as cheapest_up_completion_usd_per_mtok,
    offers.median_uptime_30m_pct,
    offers.as_of as endpoints_as_of,
    models.scope_id,
    models.source_url,
    {{ merged_times('models', 'offers') }}
from models
inner join intervals using (model_id)
left join offers using (model_id)
left join cheapest_up using (model_id)
