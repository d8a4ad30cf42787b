{{ config(meta={'dagster': {'ref': {'name': 'price_history'}}}) }}
-- An id has one price at a time: each interval ends before the next one starts, and only the last is open.
select *
from (
    select
        model_id,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by model_id order by valid_from) as next_valid_from
    from {{ ref('price_history') }}
)
where
    valid_to < valid_from
    or (next_valid_from is not null and (valid_to is null or valid_to > next_valid_from))
