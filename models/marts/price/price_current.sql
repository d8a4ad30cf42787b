-- The newest observation of /models, with what is known of the endpoints; what it no longer lists is in price_history.
with models as (

    select * from {{ ref('stg_openrouter__models') }}

),

newest as (

    select raw_file from {{ ref('int_models__lists') }}
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

),

endpoints as (

    select * from {{ ref('price_endpoint') }}
    where is_listed

),

offered as (

    select
        model_id,
        count(*) as endpoints,
        count(*) filter (where is_up) as endpoints_up,
        count(distinct provider_name) as providers,
        {% for name in ['prompt', 'completion'] -%}
            {% for aggregate in ['min', 'median', 'max'] -%}
                {{ aggregate }}({{ name }}_usd_per_mtok) as endpoint_{{ name }}_usd_per_mtok_{{ aggregate }},
            {% endfor -%}
        {% endfor -%}
        median(uptime_30m_pct) as median_uptime_30m_pct,
        max(as_of) as as_of,
        max(checked_at) as checked_at
    from endpoints
    group by model_id

),

-- By input price, and of those that share it, by output price.
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
    offered.endpoints,
    offered.endpoints_up,
    offered.providers,
    {% for name in ['prompt', 'completion'] -%}
        {% for aggregate in ['min', 'median', 'max'] -%}
            offered.endpoint_{{ name }}_usd_per_mtok_{{ aggregate }},
        {% endfor -%}
    {% endfor -%}
    cheapest_up.provider_name as cheapest_up_provider,
    cheapest_up.tag as cheapest_up_tag,
    cheapest_up.prompt_usd_per_mtok as cheapest_up_prompt_usd_per_mtok,
    cheapest_up.completion_usd_per_mtok as cheapest_up_completion_usd_per_mtok,
    offered.median_uptime_30m_pct,
    offered.as_of as endpoints_as_of,
    models.scope_id,
    models.source_url,
    greatest(models.as_of, offered.as_of) as as_of,
    least(models.as_of, offered.as_of) as oldest_as_of,
    case when offered.as_of > models.as_of then offered.checked_at else models.fetched_at end as checked_at
from models
inner join newest using (raw_file)
inner join intervals using (model_id)
left join offered using (model_id)
left join cheapest_up using (model_id)
