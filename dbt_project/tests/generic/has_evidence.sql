{#- A verified row has evidence and the day on which it was opened; an unverified or defined row has no such day. -#}
{% test has_evidence(model) %}

select *
from {{ model }}
where
    status is null
    or status not in ('verified', 'unverified', 'defined')
    or (status = 'verified' and (checked_on is null or evidence_url is null))
    or (status in ('unverified', 'defined') and checked_on is not null)

{% endtest %}
