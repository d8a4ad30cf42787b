{#-
    Every row says what it speaks of, where it comes from, and when that was made and fetched: moments and scope of
    responses in the lake.
-#}
{% test has_provenance(model) %}

with observations as (

    select distinct
        as_of,
        fetched_at,
        {{ scope_id('kind') }} as scope_id
    from {{ source('raw', 'responses') }}

),

moments as (

    select distinct as_of from observations

)

select marts.*
from {{ model }} as marts
left join {{ ref('scopes') }} as scopes using (scope_id)
left join observations
    on
        marts.as_of = observations.as_of
        and marts.checked_at = observations.fetched_at
        and marts.scope_id = observations.scope_id
left join moments on marts.oldest_as_of = moments.as_of
where
    scopes.scope_id is null
    or marts.source_url is null
    or not starts_with(marts.source_url, 'https://')
    or observations.as_of is null
    or moments.as_of is null
    or marts.oldest_as_of > marts.as_of

{% endtest %}
