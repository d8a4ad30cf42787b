{{ config(meta={'dagster': {'ref': {'name': 'int_rankings__reported'}}}, severity='warn') }}
-- Where the keyless snapshot and the keyed surface tell of a day on the same day, they tell the same: in between, days
-- are restated. What differs by more than one in ten thousand should be looked at.
with told as (

    select
        *,
        starts_with(raw_file, 'rankings_export/') as is_export,
        cast(as_of as date) as told_on
    from {{ ref('int_rankings__reported') }}
    where slice = 'all' and period = 'day' and period_start < cast(as_of as date)
    qualify
        row_number() over (
            partition by is_export, told_on, period_start, model_permaslug order by as_of desc, raw_file desc
        ) = 1

),

days as (

    select
        told_on,
        period_start
    from told
    group by told_on, period_start
    having count(distinct is_export) = 2

),

compared as (

    select
        told.told_on,
        told.period_start,
        told.model_permaslug,
        max(told.tokens) filter (where told.is_export) as export_tokens,
        max(told.tokens) filter (where not told.is_export) as keyed_tokens
    from told
    inner join days using (told_on, period_start)
    group by told.told_on, told.period_start, told.model_permaslug

)

select *
from compared
where coalesce(abs(export_tokens - keyed_tokens) > 0.0001 * keyed_tokens, true)
