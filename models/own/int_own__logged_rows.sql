-- The rows of the logs added up by file, day, source, model, provider and what became of them, in one pass over all
-- calls.
{{ config(tags=['bulk']) }}

select
    raw_file,
    date,
    source,
    logged_model,
    logged_variant,
    provider_name,
    skipped,
    refusal,
    count(*) as rows,
    cast(sum(calls) as bigint) as calls,
    cast(sum(prompt_tokens + completion_tokens) as bigint) as tokens,
    sum(charged_usd) as charged_usd
from {{ ref('stg_usage__calls') }}
group by raw_file, date, source, logged_model, logged_variant, provider_name, skipped, refusal
