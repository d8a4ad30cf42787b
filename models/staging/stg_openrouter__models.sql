with source as (

    select * from {{ source('raw', 'models') }}

),

renamed as (

    select
        raw_file,
        id as model_id,
        canonical_slug,
        {{ variant('id') }} as variant,
        {{ author('id') }} as author,
        name,
        hugging_face_id,
        alias_target_slug,
        modality,
        input_modalities,
        output_modalities,
        supported_parameters,
        {{ scope_id('kind') }} as scope_id,
        source_url,

        context_length,
        top_provider_max_completion_tokens as max_completion_tokens,

        -- A negative price means that the price depends on the route, so it is unknown, not free.
        {% for name, source_name in price_names().items() -%}
            case when pricing_{{ source_name }} >= 0 then pricing_{{ source_name }} end as {{ name }}_price,
        {% endfor -%}
        coalesce(pricing_prompt < 0 or pricing_completion < 0, false) as is_dynamic,
        coalesce(pricing_overrides, []) as overrides,
        -- Unknown if the list has neither of the two fields.
        reasoning is not null or list_contains(supported_parameters, 'reasoning') as is_reasoning_capable,
        {{ supported_features() }},

        try_cast(expiration_date as date) as expiration_date,

        created as created_at,
        as_of,
        fetched_at

    from source
    -- A model with a malformed id cannot be requested.
    where {{ is_model_id('id') }}

)

select * from renamed
