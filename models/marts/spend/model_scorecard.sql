-- Every model listed on the newest complete day, with its usage, prices, offers and indices, and why it is worth
-- testing.
with facts as (

    select * from {{ ref('int_scorecard__facts') }}

),

reasons as (

    select * from {{ ref('int_recommendations__reasons') }}

),

provenance as (

    select * from {{ ref('int_scorecard__provenance') }}

)

select
    facts.* exclude (created_on, price_as_of, rankings_as_of),
    reasons.try_reason,
    provenance.scope_id,
    provenance.source_url,
    provenance.as_of,
    provenance.oldest_as_of,
    provenance.checked_at
from facts
inner join provenance using (model_permaslug)
left join reasons using (model_permaslug)
