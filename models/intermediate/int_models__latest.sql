-- The newest row that /models had for each permaslug, which is its canonical slug and the variant of its id.
with models as (

    select * from {{ ref('stg_openrouter__models') }}
    where canonical_slug is not null

),

observations as (

    select * from {{ ref('int_models__observations') }}

),

named as (

    select
        models.*,
        canonical_slug || case models.variant when 'standard' then '' else ':' || models.variant end
            as model_permaslug,
        min(models.created_at) over (partition by models.canonical_slug, models.variant) as first_created_at,
        min(models.as_of) over (partition by models.canonical_slug, models.variant) as first_seen_at,
        observations.is_newest as is_listed
    from models
    inner join observations using (raw_file)

)

select
    * exclude (created_at, first_created_at),
    first_created_at as created_at
from named
qualify row_number() over (partition by model_permaslug order by as_of desc, model_id asc) = 1
