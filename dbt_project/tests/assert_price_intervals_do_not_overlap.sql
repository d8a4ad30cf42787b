{{ config(meta={'dagster': {'ref': {'name': 'price_history'}}}) }}
-- An id, and an endpoint, has one price at a time: each interval ends before the next one starts, and only the last is
-- open.
{%- set keys = {
    'price_history': 'model_id',
    'price_endpoint_history': 'model_id, provider_name, endpoint_tag',
} %}
with intervals as (

    {% for mart, key in keys.items() -%}
        select
            '{{ mart }}' as mart,
            concat_ws(' at ', {{ key }}) as member,
            valid_from,
            valid_to,
            lead(valid_from) over (partition by {{ key }} order by valid_from) as next_valid_from
        from {{ ref(mart) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from intervals
where
    valid_to < valid_from
    or (next_valid_from is not null and (valid_to is null or valid_to > next_valid_from))
