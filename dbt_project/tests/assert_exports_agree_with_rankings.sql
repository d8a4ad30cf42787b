{{ config(meta={'dagster': {'ref': {'name': 'int_rankings__reported'}}}, severity='warn') }}
-- The snapshot that needs no key and the rankings that need one report the same tokens for a day, within 1 in 10,000,
-- if both were made on the same day. (The source revises days, so responses made on different days may differ.)
with rankings as (

    select
        *,
        starts_with(raw_file, 'rankings_export/') as is_export,
        cast(as_of as date) as reported_on
    from {{ ref('int_rankings__reported') }}
    where slice = 'all' and period = 'day' and period_start < cast(as_of as date)

),

export_days as (

    select distinct reported_on
    from rankings
    where is_export

),

reported as (

    select rankings.*
    from rankings
    inner join export_days using (reported_on)
    qualify {{ is_latest_by('is_export, reported_on, period_start, model_permaslug') }}

),

days as (

    select
        reported_on,
        period_start
    from reported
    group by reported_on, period_start
    having count(distinct is_export) = 2

),

compared as (

    select
        reported.reported_on,
        reported.period_start,
        reported.model_permaslug,
        max(reported.tokens) filter (where reported.is_export) as export_tokens,
        max(reported.tokens) filter (where not reported.is_export) as keyed_tokens
    from reported
    inner join days using (reported_on, period_start)
    group by reported.reported_on, reported.period_start, reported.model_permaslug

)

select *
from compared
where coalesce(abs(export_tokens - keyed_tokens) > 0.0001 * keyed_tokens, true)
