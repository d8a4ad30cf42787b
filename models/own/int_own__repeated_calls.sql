-- The rows of each call that was logged more than once. One of them counts: OpenRouter's own log before a gateway's, a
-- gateway's before a trace, and then the newest version. What that row lacks, another one may have.
{{ config(tags=['bulk']) }}

with logged_dates as (

    select distinct
        raw_file,
        date
    from {{ ref('int_own__logged_rows') }}
    where skipped is null and refusal is null

),

-- Two logs may date the same call a day apart.
shifted_dates as (

    {%- for days in [-1, 0, 1] %}
        select
            raw_file,
            cast(date + interval '{{ days }}' day as date) as date
        from logged_dates
        {{ 'union all' if not loop.last }}
    {%- endfor %}

),

shared_dates as (

    select date
    from shifted_dates
    group by date
    having count(distinct raw_file) > 1

),

-- Only these calls may be logged more than once, mostly few: taking a log in has found those that it has itself.
suspected as (

    select *
    from {{ ref('stg_usage__calls') }}
    where skipped is null and refusal is null and is_id_repeated
    union all
    select calls.*
    from {{ ref('stg_usage__calls') }} as calls
    inner join shared_dates on calls.date = shared_dates.date
    where
        calls.skipped is null
        and calls.refusal is null
        and calls.call_id is not null
        and not calls.is_id_repeated

),

-- Hashes are smaller than ids, and the few calls of a repeated hash are compared by their ids.
repeated_hashes as (

    select {{ hash_of('call_id') }} as call_hash
    from suspected
    group by call_hash
    having count(*) > 1

),

ranked as (

    select
        suspected.raw_file,
        suspected.row_no,
        suspected.date,
        suspected.source,
        row_number() over (
            partition by suspected.call_id
            order by
                {{ own_source_rank('suspected.source') }},
                suspected.updated_at desc nulls last,
                suspected.calls desc,
                suspected.raw_file asc,
                suspected.row_no asc
        ) as version_no,
        count(*) over (partition by suspected.call_id) as versions,
        max(suspected.label) over (partition by suspected.call_id) as label,
        max(suspected.cached_tokens) over (partition by suspected.call_id) as cached_tokens,
        max(suspected.cache_write_tokens) over (partition by suspected.call_id) as cache_write_tokens
    from suspected
    inner join repeated_hashes on {{ hash_of('suspected.call_id') }} = repeated_hashes.call_hash

)

select
    raw_file,
    row_no,
    version_no = 1 as is_counted,
    date,
    source,
    label,
    cached_tokens,
    cache_write_tokens,
    versions - 1 as repeats
from ranked
where versions > 1
