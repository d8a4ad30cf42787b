-- Values of a complete day that a later response revised. A model that enters or leaves the list counts as a change.
-- The first response for a day has the value that was published first.
with covered as (

    select
        *,
        row_number() over (partition by slice, period_start order by as_of, fetched_at, raw_file) = 1 as is_first
    from {{ ref('int_rankings__covered') }}
    where is_complete and period = 'day'

),

rankings as (

    select * from {{ ref('int_rankings__reported') }}

),

-- A response without the model counts as a value too. Almost no value is ever revised, so the few that are get selected
-- before each of them is paired with every response for its day.
responses as (

    select
        slice,
        period_start,
        count(*) as observations
    from covered
    group by slice, period_start

),

revised as (

    select
        covered.slice,
        covered.period_start,
        rankings.model_permaslug
    from covered
    inner join rankings using (raw_file, slice, period, period_start)
    inner join responses using (slice, period_start)
    group by covered.slice, covered.period_start, rankings.model_permaslug
    having min(rankings.tokens) < max(rankings.tokens) or count(*) < max(responses.observations)

),

observed as (

    select
        revised.*,
        rankings.tokens,
        covered.is_first,
        covered.is_latest,
        covered.scope_id,
        covered.source_url,
        covered.as_of,
        covered.fetched_at
    from revised
    inner join covered using (slice, period_start)
    left join rankings
        on
            covered.raw_file = rankings.raw_file
            and revised.period_start = rankings.period_start
            and revised.model_permaslug = rankings.model_permaslug

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
