-- The newest observation of each endpoint. A provider may offer several under one tag: they are numbered as listed.
with sweeps as (

    select endpoints.*
    from {{ ref('stg_openrouter__endpoints') }} as endpoints
    left join {{ ref('int_lists__compared') }} as lists using (raw_file)
    -- A sweep that looks truncated is set aside: that it lacks a model does not mean that nobody hosts it.
    where not coalesce(lists.is_suspect, false)

),

endpoints as (

    select * from sweeps
    where endpoint_no is not null

),

-- The newest answer for each model, one that says it has none (404) included; a lost one says nothing. A model that the
-- newest sweep does not ask for is not offered any more.
newest_answers as (

    select
        model_id,
        max(as_of) filter (where http_status in (200, 404)) as newest_as_of,
        max(as_of) as asked_as_of
    from sweeps
    group by model_id

),

newest_sweep as (

    select max(asked_as_of) as as_of from newest_answers

),

numbered as (

    select
        endpoints.*,
        row_number() over (
            partition by endpoints.raw_file, endpoints.model_id, endpoints.provider_name, endpoints.tag
            order by endpoints.endpoint_no
        ) as tag_no
    from endpoints

)

select
    numbered.*,
    numbered.as_of = newest_answers.newest_as_of and newest_answers.asked_as_of = newest_sweep.as_of as is_listed
from numbered
inner join newest_answers using (model_id)
cross join newest_sweep
qualify
    row_number() over (
        partition by numbered.model_id, numbered.provider_name, numbered.tag, numbered.tag_no
        order by numbered.as_of desc, numbered.fetched_at desc, numbered.raw_file desc
    ) = 1
