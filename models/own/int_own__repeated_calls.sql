-- The row that counts of each call that was logged more than once: OpenRouter's own log before a gateway's, a gateway's
-- before a trace, and then the newest version.
{{ config(tags=['bulk']) }}

with calls as (

    select * from {{ ref('stg_usage__calls') }}
    where skipped is null and refusal is null and call_id is not null

),

repeated as (

    select call_id
    from calls
    group by call_id
    having count(*) > 1

),

ranked as (

    select
        call_id,
        calls.raw_file,
        calls.row_no,
        calls.date,
        calls.source,
        row_number() over (
            partition by call_id
            order by
                {{ own_source_rank('calls.source') }},
                calls.updated_at desc nulls last,
                calls.raw_file asc,
                calls.row_no asc
        ) as version_no,
        count(*) over (partition by call_id) as versions
    from calls
    inner join repeated using (call_id)

)

select
    call_id,
    raw_file,
    row_no,
    date,
    source,
    versions - 1 as repeats
from ranked
where version_no = 1
