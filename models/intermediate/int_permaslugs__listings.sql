-- Runs of consecutive lists of models in which an id refers to a permaslug.
with models as (

    select * from {{ ref('stg_openrouter__models') }}
    where canonical_slug is not null

),

lists as (

    select * from {{ ref('int_models__lists') }}

),

-- Consecutive lists have the same difference of the two numbers, so it identifies a run.
listed as (

    select
        models.canonical_slug,
        models.variant,
        models.model_id,
        models.as_of,
        lists.list_no,
        lists.list_no - row_number() over (
            partition by models.canonical_slug, models.variant, models.model_id
            order by lists.list_no
        ) as run_no
    from models
    inner join lists using (raw_file)

),

listings as (

    select
        canonical_slug,
        variant,
        model_id,
        min(as_of) as listed_from,
        max(as_of) as last_listed_at
    from listed
    group by canonical_slug, variant, model_id, run_no

),

-- A permaslug whose name differs from that in /models gets the listings of its alias.
alias as (

    select * from {{ ref('permaslug_alias') }}
    where status = 'verified'

)

select
    canonical_slug as base_slug,
    variant,
    model_id,
    listed_from,
    last_listed_at,
    false as is_alias
from listings

union all

select
    alias.base_slug,
    listings.variant,
    listings.model_id,
    listings.listed_from,
    listings.last_listed_at,
    true as is_alias
from listings
inner join alias using (canonical_slug)
