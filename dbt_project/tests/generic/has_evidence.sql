{#- A row is verified by evidence that was opened on a day, or it is unverified or defined here and has no such day. -#}
{% test has_evidence(model) %}

select *
from {{ model }}
where
    status is null
    or status not in ('verified', 'unverified', 'defined')
    or (status = 'verified' and (checked_on is null or evidence_url is null))
    or (status in ('unverified', 'defined') and checked_on is not null)

{% endtest %}
