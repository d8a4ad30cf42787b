{#- A row is verified by evidence that was opened on a day, or it is unverified and names no day. -#}
{% test evidence_checked(model) %}

select *
from {{ model }}
where
    status is null
    or status not in ('verified', 'unverified')
    or (status = 'verified' and (checked_on is null or evidence_url is null))
    or (status = 'unverified' and checked_on is not null)

{% endtest %}
