-- Rankings of each complete period, all from the newest response for it.
with covered as (

    select * from {{ ref('int_rankings__covered') }}
    where is_latest

),

rankings as (

    select * from {{ ref('int_rankings__reported') }}

)

select
    covered.slice,
    covered.period,
    covered.period_start,
    covered.period_end,
    rankings.model_permaslug,
    rankings.is_other,
    rankings.tokens,
    covered.raw_file,
    covered.scope_id,
    covered.source_url,
    covered.as_of,
    covered.fetched_at
from covered
inner join rankings using (raw_file, slice, period, period_start)
