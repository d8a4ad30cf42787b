{#- Every row has a scope, a public source, and times that match responses in the lake with the same scope. -#}
{% test has_provenance(model) %}

with responses as (

    select distinct
        as_of,
        fetched_at,
        {{ scope_id('kind') }} as scope_id
    from {{ source('raw', 'responses') }}

),

times as (

    select distinct as_of from responses

)

select marts.*
from {{ model }} as marts
left join {{ ref('scopes') }} as scopes using (scope_id)
left join responses
    on
        marts.as_of = responses.as_of
        and marts.checked_at = responses.fetched_at
        and marts.scope_id = responses.scope_id
left join times on marts.oldest_as_of = times.as_of
where
    scopes.scope_id is null
    or marts.source_url is null
    or not starts_with(marts.source_url, 'https://')
    or responses.as_of is null
    or times.as_of is null
    or marts.oldest_as_of > marts.as_of

{% endtest %}
