{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- Every model's tokens of a day, and the remainder, are those of the newest raw response for the day: nothing is lost,
-- doubled or mixed. Computed from the raw tables, independently of the models.
with responses as (

    {{ newest_raw_responses() }}

),

reported as (

    select
        date,
        raw_file,
        model_permaslug,
        total_tokens
    from {{ source('raw', 'rankings') }}
    union all
    select
        date,
        raw_file,
        model_permaslug,
        total_tokens
    from {{ source('raw', 'rankings_export') }}

),

raw_tokens as (

    select
        date,
        {{ ranked_slug('rankings.model_permaslug') }} as model_permaslug,
        sum(rankings.total_tokens) as tokens
    from reported as rankings
    inner join responses using (date, raw_file)
    group by date, {{ ranked_slug('rankings.model_permaslug') }}

),

mart_tokens as (

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
        other_tokens as tokens
    from {{ ref('traffic_summary') }}
    where period = 'day' and other_tokens > 0

),

raw_totals as (

    select
        date,
        sum(tokens) as total_tokens
    from raw_tokens
    group by date

)

select
    coalesce(raw_tokens.date, mart_tokens.date) as date,
    coalesce(raw_tokens.model_permaslug, mart_tokens.model_permaslug) as model_permaslug,
    raw_tokens.tokens as raw_tokens,
    mart_tokens.tokens as mart_tokens
from raw_tokens
full join mart_tokens using (date, model_permaslug)
where coalesce(raw_tokens.tokens, 0) <> coalesce(mart_tokens.tokens, 0)

union all

select
    raw_totals.date,
    'total' as model_permaslug,
    raw_totals.total_tokens as raw_tokens,
    summary.total_tokens as mart_tokens
from raw_totals
left join {{ ref('traffic_summary') }} as summary
    on raw_totals.date = summary.period_start and summary.period = 'day'
where raw_totals.total_tokens is distinct from summary.total_tokens
