{#- Every row says what it speaks of, where it comes from, and when that was made and fetched. -#}
{% test carries_provenance(model) %}

select marts.*
from {{ model }} as marts
left join {{ ref('scopes') }} as scopes using (scope_id)
where
    scopes.scope_id is null
    or marts.source_url is null
    or not starts_with(marts.source_url, 'https://')
    or marts.as_of is null
    or marts.oldest_as_of is null
    or marts.oldest_as_of > marts.as_of
    or marts.checked_at is null

{% endtest %}
