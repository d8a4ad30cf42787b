{#- A row is verified by evidence that was opened on a day, or it is unverified and names no day. -#}
{% test evidence_checked(model) %}

select *
from {{ model }}
where
    status not in ('verified', 'unverified')
    or (status = 'verified') <> (checked_on is not null and evidence_url is not null)
    and not (status = 'unverified' and checked_on is null)

{% endtest %}
