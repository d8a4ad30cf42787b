{{ config(meta={'dagster': {'ref': {'name': 'spend_model'}}}) }}
-- No row of usage is lost or doubled where prices are joined to it.
with usage as (

    select
        period_start as date,
        count(*) as models,
        sum(tokens) as tokens
    from {{ ref('share_model') }}
    where period = 'day'
    group by period_start

),

by_model as (

    select
        period_start as date,
        count(*) as models,
        sum(tokens) as tokens
    from {{ ref('spend_model') }}
    where period = 'day'
    group by period_start

),

by_author as (

    select
        period_start as date,
        sum(tokens) as tokens
    from {{ ref('spend_author') }}
    where period = 'day'
    group by period_start

)

select
    usage.*,
    by_model.models as models_priced,
    by_model.tokens as tokens_by_model,
    by_author.tokens as tokens_by_author
from usage
full join by_model using (date)
full join by_author using (date)
where
    usage.models is distinct from by_model.models
    or usage.tokens is distinct from by_model.tokens
    or usage.tokens is distinct from by_author.tokens
