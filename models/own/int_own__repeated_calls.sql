-- The row that counts of each call that was logged more than once: OpenRouter's own log before a gateway's, a gateway's
-- before a trace, and then the newest version. What that row lacks, another one may have.
{{ config(tags=['bulk']) }}

with calls as (

    select * from {{ ref('stg_usage__calls') }}
    where skipped is null and refusal is null and call_id is not null

),

-- Hashes are smaller than ids, and the few calls of a repeated hash are compared by their ids.
repeated_hashes as (

    select {{ hash_of('call_id') }} as call_hash
    from calls
    group by call_hash
    having count(*) > 1

),

suspected as (

    select calls.*
    from calls
    inner join repeated_hashes on {{ hash_of('calls.call_id') }} = repeated_hashes.call_hash

),

ranked as (

    select
        call_id,
        raw_file,
        row_no,
        date,
        source,
        row_number() over (
            partition by call_id
            order by
                {{ own_source_rank('source') }},
                updated_at desc nulls last,
                calls desc,
                raw_file asc,
                row_no asc
        ) as version_no,
        count(*) over (partition by call_id) as versions,
        max(label) over (partition by call_id) as label,
        max(cached_tokens) over (partition by call_id) as cached_tokens,
        max(cache_write_tokens) over (partition by call_id) as cache_write_tokens
    from suspected

)

select
    call_id,
    raw_file,
    row_no,
    date,
    source,
    label,
    cached_tokens,
    cache_write_tokens,
    versions - 1 as repeats
from ranked
where version_no = 1 and versions > 1
