-- Values of a complete day that a later response revised. A model that enters or leaves the list counts as a change.
-- The first response for a day has the value that was published first.
with covered as (

    select
        *,
        row_number() over (partition by slice, period_start order by as_of, fetched_at, raw_file) = 1 as is_first
    from {{ ref('int_rankings__covered') }}
    where is_complete and period = 'day'

),

-- A response has rows only for days that it covers, so those for ended days need no join with `covered`. They are read
-- twice, because a copy of all observations may not fit into memory.
rankings as not materialized (

    select
        slice,
        period_start,
        model_permaslug,
        raw_file,
        tokens
    from {{ ref('int_rankings__reported') }}
    where period = 'day' and period_start < cast(as_of as date)

),

ranges as (

    select
        slice,
        period_start,
        model_permaslug,
        min(tokens) as least_tokens,
        max(tokens) as most_tokens,
        count(*) as observations
    from rankings
    group by slice, period_start, model_permaslug

),

responses as (

    select
        slice,
        period_start,
        count(*) as observations
    from covered
    group by slice, period_start

),

-- A response without the model counts as a value too. Few values are ever revised, so they are selected before each is
-- paired with every response for its day.
revised as (

    select
        ranges.slice,
        ranges.period_start,
        ranges.model_permaslug
    from ranges
    inner join responses using (slice, period_start)
    where ranges.least_tokens < ranges.most_tokens or ranges.observations < responses.observations

),

reported as (

    select rankings.*
    from rankings
    inner join revised using (slice, period_start, model_permaslug)

),

observed as (

    select
        revised.*,
        reported.tokens,
        covered.is_first,
        covered.is_latest,
        covered.scope_id,
        covered.source_url,
        covered.as_of,
        covered.fetched_at
    from revised
    inner join covered using (slice, period_start)
    left join reported
        on
            covered.raw_file = reported.raw_file
            and revised.period_start = reported.period_start
            and revised.model_permaslug = reported.model_permaslug

),

compared as (

    select
        slice,
        period_start as date,
        model_permaslug,
        max(tokens) filter (where is_first) as first_tokens,
        max(tokens) filter (where is_latest) as last_tokens,
        count(*) as observations,
        {{ provenance_of('observed') }}
    from observed
    group by slice, period_start, model_permaslug

)

select
    slice,
    date,
    model_permaslug,
    first_tokens,
    last_tokens,
    last_tokens - first_tokens as change_tokens,
    100 * (last_tokens / nullif(first_tokens, 0) - 1) as change_pct,
    oldest_as_of as first_as_of,
    as_of as last_as_of,
    observations,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from compared
