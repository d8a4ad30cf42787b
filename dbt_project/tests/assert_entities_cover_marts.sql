{{ config(meta={'dagster': {'ref': {'name': 'model'}}}) }}
-- Every model, app, author and provider that a mart names is an entity, with the days on which it was listed; nothing
-- is left out or counted twice.
{%- set entities = {'model': ('model_permaslug', 'share_model'), 'app': ('app_id', 'share_app')} %}
with
{% for entity, (key, share) in entities.items() -%}
    {{ entity }}_days as (

        select
            {{ key }},
            count(*) filter (where period = 'day') as days_ranked,
            min(period_start) filter (where period = 'day') as first_ranked_on,
            max(period_start) filter (where period = 'day') as last_ranked_on
        from {{ ref(share) }}
        group by {{ key }}

    ),

{% endfor -%}
author_days as (

    select
        author,
        count(distinct model_permaslug) as models_ranked,
        min(period_start) as first_ranked_on,
        max(period_start) as last_ranked_on
    from {{ ref('share_model') }}
    where period = 'day'
    group by author

),

author_models as (

    select
        author,
        count(*) filter (where is_listed) as models_listed,
        cast(min(created_at) as date) as first_created_on
    from {{ ref('model') }}
    group by author

),

provider_endpoints as (

    select
        provider_name,
        count(*) filter (where is_listed) as endpoints,
        count(*) filter (where is_listed and is_up) as endpoints_up,
        count(distinct model_id) filter (where is_listed) as models_hosted
    from {{ ref('price_endpoint') }}
    group by provider_name

),

models_listed as (

    select model_permaslug from {{ ref('model') }}
    where is_listed

),

listed as (

    select model_permaslug
    from {{ ref('price_current') }}
    where model_permaslug is not null
    group by model_permaslug

)

select
    'model' as entity,
    cast(coalesce(days.model_permaslug, model.model_permaslug) as varchar) as member
from model_days as days
full join {{ ref('model') }} as model using (model_permaslug)
where
    model.model_permaslug is null
    or model.days_ranked is distinct from coalesce(days.days_ranked, 0)
    or model.first_ranked_on is distinct from days.first_ranked_on
    or model.last_ranked_on is distinct from days.last_ranked_on

union all

select
    'model, against price_current' as entity,
    coalesce(listed.model_permaslug, model.model_permaslug) as member
from listed
full join models_listed as model using (model_permaslug)
where listed.model_permaslug is null or model.model_permaslug is null

union all

select
    'app' as entity,
    cast(coalesce(days.app_id, app.app_id) as varchar) as member
from app_days as days
full join {{ ref('app') }} as app using (app_id)
where
    app.app_id is null
    or app.days_ranked < coalesce(days.days_ranked, 0)
    or app.first_ranked_on > days.first_ranked_on
    or app.last_ranked_on < days.last_ranked_on

union all

select
    'author' as entity,
    coalesce(author_models.author, author.author) as member
from author_models
full join {{ ref('author') }} as author using (author)
left join author_days using (author)
where
    author.author is null
    or author.models_listed is distinct from author_models.models_listed
    or author.first_created_on is distinct from author_models.first_created_on
    or author.models_ranked is distinct from coalesce(author_days.models_ranked, 0)
    or author.first_ranked_on is distinct from author_days.first_ranked_on
    or author.last_ranked_on is distinct from author_days.last_ranked_on

union all

select
    'author, against the seed' as entity,
    author.author as member
from {{ ref('author') }} as author
left join {{ ref('int_authors__attributes') }} as authors on author.author = authors.author
where
    author.country is distinct from authors.country
    or author.display_name is distinct from authors.display_name
    or author.parent is distinct from authors.parent

union all

select
    'provider' as entity,
    coalesce(provider_endpoints.provider_name, provider.provider_name) as member
from provider_endpoints
full join {{ ref('provider') }} as provider using (provider_name)
where
    provider.provider_name is null
    or coalesce(provider.endpoints, 0) <> coalesce(provider_endpoints.endpoints, 0)
    or coalesce(provider.endpoints_up, 0) <> coalesce(provider_endpoints.endpoints_up, 0)
    or coalesce(provider.models_hosted, 0) <> coalesce(provider_endpoints.models_hosted, 0)
