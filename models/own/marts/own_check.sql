with logged_rows as (

    select * from {{ ref('int_own__logged_rows') }}

),

-- Every row of every log: used, skipped or refused.
read as (

    select
        date,
        source,
        coalesce('refused: ' || refusal, 'skipped: ' || skipped, 'read') as "check",
        sum(rows) as rows,
        sum(calls) as calls,
        sum(tokens) as tokens,
        sum(charged_usd) as usd
    from logged_rows
    group by all

),

repeated as (

    select
        date,
        source,
        'repeated' as "check",
        sum(repeats) as rows
    from {{ ref('int_own__repeated_calls') }}
    where is_counted
    group by date, source

),

costs as (

    select * from {{ ref('int_own__costs') }}

),

unmatched as (

    select
        date,
        source,
        'unmatched' as "check",
        sum(calls) as calls,
        sum(prompt_tokens + completion_tokens) as tokens,
        sum(charged_usd) as usd
    from costs
    where match_reason = 'unmatched'
    group by date, source

),

-- A gateway that does not know a price charges 0.
uncharged as (

    select
        date,
        source,
        'charge of 0 for a price above 0' as "check",
        sum(calls) as calls,
        sum(prompt_tokens + completion_tokens) as tokens,
        sum(list_usd) as usd
    from costs
    where cost_basis = 'listed' and charged_usd = 0 and list_usd > 0
    group by date, source

),

residuals as (

    select
        date,
        source,
        'residual' as "check",
        sum(calls) filter (where not is_explained) as calls,
        sum(prompt_tokens + completion_tokens) filter (where not is_explained) as tokens,
        sum(residual_usd) as usd,
        quantile_cont(residual_usd / calls, 0.05) as residual_p05_usd,
        quantile_cont(residual_usd / calls, 0.5) as residual_p50_usd,
        quantile_cont(residual_usd / calls, 0.95) as residual_p95_usd
    from costs
    where is_explained is not null
    group by date, source

),

logged as (

    select distinct
        date,
        source,
        model_permaslug
    from costs

),

-- Calls of another source on the same day may be the same calls, if the logs have no ids in common.
overlapping as (

    select
        day_costs.date,
        day_costs.source,
        'also in ' || others.source as "check",
        sum(day_costs.calls) as calls,
        sum(day_costs.prompt_tokens + day_costs.completion_tokens) as tokens,
        sum(day_costs.charged_usd) as usd
    from costs as day_costs
    inner join logged as others
        on
            day_costs.date = others.date
            and day_costs.model_permaslug = others.model_permaslug
            and day_costs.source <> others.source
    group by all

)

select
    date,
    source,
    "check",
    cast(rows as bigint) as rows,
    cast(calls as bigint) as calls,
    cast(tokens as bigint) as tokens,
    usd,
    residual_p05_usd,
    residual_p50_usd,
    residual_p95_usd
from (
    select * from read
    union all by name
    select * from repeated
    union all by name
    select * from unmatched
    union all by name
    select * from uncharged
    union all by name
    select * from residuals
    union all by name
    select * from overlapping
) as checks
