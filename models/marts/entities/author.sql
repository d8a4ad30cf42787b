-- Every author of a model that is listed or ranked.
with models as (

    select * from {{ ref('int_models__profiles') }}

),

authors as (

    select * from {{ ref('int_authors__attributes') }}

)

select
    models.author,
    any_value(authors.display_name) as display_name,
    any_value(authors.country) as country,
    any_value(authors.parent) as parent,
    any_value(authors.evidence_url) as evidence_url,
    any_value(authors.checked_on) as evidence_checked_on,
    count(*) filter (where models.is_listed) as models_listed,
    count(*) filter (where models.days_ranked > 0) as models_ranked,
    cast(min(models.created_at) as date) as first_created_on,
    min(models.first_ranked_on) as first_ranked_on,
    max(models.last_ranked_on) as last_ranked_on,
    {{ provenance_of_sums('models') }}
from models
left join authors using (author)
group by models.author
