-- Attributes of each model that is listed or ranked, from /models and from verified rows of the seeds.
with listed as (

    select * from {{ ref('int_models__latest') }}

),

-- The rankings can list a model that /models no longer lists, so both define which models there are.
known as (

    select model_permaslug from listed
    union
    select model_permaslug
    from {{ ref('int_rankings__latest') }}
    where not is_other

),

-- Only evidence that was opened counts here and in the seeds below; the rest is unclassified.
alias as (

    select
        base_slug,
        canonical_slug
    from {{ ref('permaslug_alias') }}
    where status = 'verified'

),

weights as (

    select
        base_slug,
        weights
    from {{ ref('model_weights') }}
    where status = 'verified'

),

sizes as (

    select
        base_slug,
        total_parameters_b,
        active_parameters_b
    from {{ ref('model_sizes') }}
    where status = 'verified'

),

authors as (

    select
        author,
        country,
        is_fictional
    from {{ ref('int_authors__attributes') }}

),

size_classes as (

    select * from {{ ref('class_limits') }}
    where dimension = 'size_class'

),

context_classes as (

    select * from {{ ref('class_limits') }}
    where dimension = 'context_class'

),

-- The parts of a slug are the keys of the seeds.
named as (

    select
        model_permaslug,
        {{ base_slug('model_permaslug') }} as base_slug,
        {{ variant('model_permaslug') }} as variant,
        {{ author('model_permaslug') }} as author
    from known

)

select
    named.model_permaslug,
    named.base_slug,
    named.variant,
    named.author,
    cast(listed.created_at as date) as created_on,
    -- Of a fictional model, the simulator itself knows whether its weights are open.
    coalesce(
        weights.weights,
        case
            when authors.is_fictional and listed.hugging_face_id <> '' then 'open'
            when authors.is_fictional and listed.model_permaslug is not null then 'closed'
        end,
        'unclassified'
    ) as weights,
    sizes.total_parameters_b,
    sizes.active_parameters_b,
    coalesce(size_classes.class, 'unclassified') as size_class,
    coalesce(authors.country, 'unclassified') as author_country,
    case listed.is_reasoning_capable when true then 'capable' when false then 'not' else 'unknown' end as reasoning,
    listed.context_length,
    coalesce(context_classes.class, 'unknown') as context_class,
    listed.source_url,
    listed.as_of,
    listed.fetched_at
from named
left join alias using (base_slug)
left join listed
    on listed.model_permaslug = {{ permaslug('coalesce(alias.canonical_slug, named.base_slug)', 'named.variant') }}
left join weights on named.base_slug = weights.base_slug
left join sizes on named.base_slug = sizes.base_slug
left join authors on named.author = authors.author
left join size_classes on {{ is_in_class('sizes.total_parameters_b', 'size_classes') }}
left join context_classes on {{ is_in_class('listed.context_length', 'context_classes') }}
