-- The model that each name in the log means. Names match exactly or not at all; only the prefix of a gateway is
-- removed.
with logged as (

    select distinct
        logged_model,
        logged_variant
    from {{ ref('int_own__logged_days') }}

),

-- LiteLLM puts openrouter/ before the model, and some versions put it there twice.
unprefixed as (

    select
        logged_model,
        logged_variant,
        unnest([0, 1, 2]) as prefixes,
        regexp_replace(logged_model, '^(openrouter/){' || prefixes || '}', '') as slug
    from logged

),

spelled as (

    select
        logged_model,
        logged_variant,
        prefixes,
        case
            when coalesce(logged_variant, 'standard') = 'standard' or contains(slug, ':') then slug
            else slug || ':' || logged_variant
        end as slug
    from unprefixed

),

models as (

    select * from {{ source('release', 'model') }}

),

named as (

    select
        model_permaslug as slug,
        model_permaslug,
        'permaslug' as match_reason
    from models
    where alias_target_slug is null
    union all
    select
        model_id as slug,
        model_permaslug,
        'model_id' as match_reason
    from models
    where model_id is not null and alias_target_slug is null
    union all
    -- An alias has the prices of the model that it means.
    select
        aliases.model_id as slug,
        targets.model_permaslug,
        'alias' as match_reason
    from models as aliases
    inner join models as targets on aliases.alias_target_slug = targets.model_id

),

matched as (

    select
        spelled.logged_model,
        spelled.logged_variant,
        named.model_permaslug,
        named.match_reason
    from spelled
    inner join named using (slug)
    qualify
        row_number() over (
            partition by spelled.logged_model, spelled.logged_variant
            order by spelled.prefixes asc, named.match_reason desc, named.model_permaslug asc
        ) = 1

)

-- An unmatched variant keeps its name too: its calls are not those of the model without it.
select
    spelled.logged_model,
    spelled.logged_variant,
    coalesce(matched.model_permaslug, spelled.slug) as model_permaslug,
    models.model_id,
    models.author,
    coalesce(models.variant, spelled.logged_variant) as variant,
    models.weights,
    models.output_modalities,
    coalesce(matched.match_reason, 'unmatched') as match_reason
from spelled
left join matched
    on
        spelled.logged_model = matched.logged_model
        and spelled.logged_variant is not distinct from matched.logged_variant
left join models on matched.model_permaslug = models.model_permaslug
where spelled.prefixes = 0
