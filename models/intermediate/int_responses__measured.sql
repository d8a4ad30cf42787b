-- Rows and tokens of each response for each complete period it covers, for all rankings and lists of apps.
with covered as (

    select * from {{ ref('int_rankings__covered') }}
    where is_complete

),

-- Rows with a malformed slug count as rows and tokens, so that a response that has them does not look truncated.
rankings as (

    select
        raw_file,
        period_start,
        sum(row_count) as row_count,
        sum(tokens) as tokens,
        count(*) filter (where not is_other) as named_rows,
        coalesce(sum(tokens) filter (where is_other), 0) as other_tokens,
        coalesce(sum(row_count - malformed_rows) filter (where is_other), 0) as other_rows,
        sum(malformed_rows) as malformed_rows,
        max(largest_malformed_tokens) as largest_malformed_tokens
    from {{ ref('int_rankings__reported') }}
    group by raw_file, period_start

),

-- A list of apps may be empty, so the responses decide which lists there are. A period that had not ended is left out.
app_lists as (

    select
        raw_file,
        slice,
        period,
        start_date as period_start,
        as_of,
        fetched_at
    from {{ ref('stg_openrouter__responses') }}
    where surface = 'apps' and period in ('day', 'week', 'month') and end_date < cast(as_of as date)

),

apps as (

    select
        raw_file,
        count(*) as row_count,
        sum(tokens) as tokens
    from {{ ref('stg_openrouter__apps') }}
    group by raw_file

)

select
    covered.raw_file,
    covered.slice as ranking,
    covered.period,
    covered.period_start,
    cast(coalesce(rankings.row_count, 0) as bigint) as row_count,
    cast(coalesce(rankings.tokens, 0) as bigint) as tokens,
    cast(coalesce(rankings.other_tokens, 0) as bigint) as other_tokens,
    cast(coalesce(rankings.other_rows, 0) as bigint) as other_rows,
    -- A complete list has at most 50 models and a row for the remainder.
    coalesce(rankings.named_rows + rankings.malformed_rows = 50 and rankings.other_rows = 0, false) as lacks_other,
    cast(coalesce(rankings.malformed_rows, 0) as bigint) as malformed_rows,
    cast(coalesce(rankings.largest_malformed_tokens, 0) as bigint) as largest_malformed_tokens,
    covered.as_of,
    covered.fetched_at
from covered
left join rankings using (raw_file, period_start)

union all

select
    app_lists.raw_file,
    'apps, ' || app_lists.slice as ranking,
    app_lists.period,
    app_lists.period_start,
    coalesce(apps.row_count, 0) as row_count,
    cast(coalesce(apps.tokens, 0) as bigint) as tokens,
    0 as other_tokens,
    0 as other_rows,
    false as lacks_other,
    0 as malformed_rows,
    0 as largest_malformed_tokens,
    app_lists.as_of,
    app_lists.fetched_at
from app_lists
left join apps using (raw_file)
