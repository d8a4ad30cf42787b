{{ config(meta={'dagster': {'ref': {'name': 'restatement'}}}) }}
-- The newest value of a revised day is the one in the shares; a model that is no longer listed for the day has no
-- share.
with shares as (

    select
        period_start as date,
        model_permaslug,
        tokens
    from {{ ref('share_model') }}
    where period = 'day'

    union all

    select
        period_start as date,
        'other' as model_permaslug,
        nullif(other_tokens, 0) as tokens
    from {{ ref('traffic_summary') }}
    where period = 'day'

)

select
    restatement.date,
    restatement.model_permaslug,
    restatement.last_tokens,
    shares.tokens
from {{ ref('restatement') }} as restatement
left join shares using (date, model_permaslug)
where restatement.slice = 'all' and restatement.last_tokens is distinct from shares.tokens
