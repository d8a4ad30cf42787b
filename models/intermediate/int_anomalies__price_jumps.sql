{{ config(materialized='view') }}
-- Price jumps: changes in the input or output price of an id, whichever changed more. An id that becomes free is a
-- promotion instead.
with changes as (

    select
        *,
        case when prompt_factor >= completion_factor then prompt else completion end as value,
        case when prompt_factor >= completion_factor then previous_prompt else previous_completion end as expected
    from {{ ref('int_anomalies__price_changes') }}
    where not is_free

)

select
    date,
    'price_jump' as kind,
    'model_id' as subject_type,
    model_id as subject,
    model_id as subject_name,
    value > expected as is_up,
    value,
    expected,
    100 * greatest(prompt_factor, completion_factor) - 100 as score,
    evidence,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from changes
