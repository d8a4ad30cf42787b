{{ config(meta={'dagster': {'ref': {'name': 'spend_model'}}}) }}
-- No row of usage is lost or doubled when prices or attributes of models are joined: in every period, the tokens equal
-- those of the shares.
with usage as (

    select
        period,
        period_start,
        count(*) as models,
        sum(tokens) as tokens
    from {{ ref('share_model') }}
    group by period, period_start

),

joined as (

    select
        'spend_model' as mart,
        period,
        period_start,
        count(*) as models,
        sum(tokens) as tokens
    from {{ ref('spend_model') }}
    group by period, period_start

    union all

    select
        'spend_author' as mart,
        period,
        period_start,
        null as models,
        sum(tokens) as tokens
    from {{ ref('spend_author') }}
    group by period, period_start

    union all

    select
        'share_segment, ' || segment_type as mart,
        period,
        period_start,
        null as models,
        sum(tokens) as tokens
    from {{ ref('share_segment') }}
    where segment <> 'other'
    group by segment_type, period, period_start

),

marts as (

    select distinct mart from joined

)

select
    marts.mart,
    usage.*,
    joined.models as models_joined,
    joined.tokens as tokens_joined
from usage
cross join marts
left join joined using (mart, period, period_start)
where
    usage.tokens is distinct from joined.tokens
    or (marts.mart = 'spend_model' and usage.models is distinct from joined.models)
