-- Newest row of each endpoint. A provider may have several endpoints with the same tag; they are numbered in the listed
-- order.
with sweeps as (

    {{ whole_sweeps() }}

),

endpoints as (

    select * from sweeps
    where endpoint_no is not null

),

-- The newest response for each model counts, even one without endpoints (404), but not a failed request. A model that
-- the newest sweep did not request is no longer offered.
newest_responses as (

    select
        model_id,
        max(as_of) filter (where http_status in (200, 404)) as newest_as_of,
        max(as_of) as requested_as_of
    from sweeps
    group by model_id

),

newest_sweep as (

    select max(requested_as_of) as newest_sweep_as_of from newest_responses

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
    * exclude (newest_as_of, requested_as_of, newest_sweep_as_of),
    as_of = newest_as_of and requested_as_of = newest_sweep_as_of as is_listed
from numbered
inner join newest_responses using (model_id)
cross join newest_sweep
qualify {{ is_latest_by('model_id, provider_name, tag, tag_no') }}
