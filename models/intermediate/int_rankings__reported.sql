-- Rankings as each response reports them. The rankings surface (with a key) and the daily snapshots (without one)
-- publish the same figures. The source leaves out models without tokens, so a row with 0 tokens counts as missing. Both
-- parts below read the lake themselves, because a copy of all observations may not fit into memory.
with reported as not materialized (

    select * from {{ ref('stg_openrouter__rankings') }}
    where tokens > 0
    union all
    select * exclude (source_rank, source_share) from {{ ref('stg_openrouter__rankings_export') }}
    where tokens > 0

),

-- Rows that name no model (any spelling of `other`, and malformed slugs) are summed into one remainder, because they
-- cannot be attributed.
remainder as (

    select
        raw_file,
        slice,
        period,
        'other' as model_permaslug,
        cast(sum(tokens) as bigint) as tokens,
        count(*) as row_count,
        count(*) filter (where is_malformed) as malformed_rows,
        coalesce(max(tokens) filter (where is_malformed), 0) as largest_malformed_tokens,
        period_start,
        as_of,
        fetched_at
    from reported
    where not is_model
    group by raw_file, slice, period, period_start, as_of, fetched_at

)

select
    raw_file,
    slice,
    period,
    model_permaslug,
    false as is_other,
    tokens,
    1 as row_count,
    0 as malformed_rows,
    0 as largest_malformed_tokens,
    period_start,
    as_of,
    fetched_at
from reported
where is_model

union all

select
    raw_file,
    slice,
    period,
    model_permaslug,
    true as is_other,
    tokens,
    row_count,
    malformed_rows,
    largest_malformed_tokens,
    period_start,
    as_of,
    fetched_at
from remainder
