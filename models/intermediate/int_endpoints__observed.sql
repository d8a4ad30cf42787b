-- Every observation of an endpoint in a sweep that does not look truncated, with the endpoint's name among those of its
-- model and the number of the response among those of its model.
with sweeps as (

    {{ whole_sweeps() }}

),

-- 404 means that the model has no endpoints; a failed request proves nothing. A model that the newest sweep did not
-- request is no longer offered.
responses as (

    select
        *,
        as_of = max(as_of) over (partition by model_id) and requested_as_of = newest_sweep_as_of as is_newest
    from (
        select
            raw_file,
            model_id,
            http_status,
            as_of,
            fetched_at,
            max(as_of) over (partition by model_id) as requested_as_of,
            max(as_of) over () as newest_sweep_as_of
        from sweeps
        group by raw_file, model_id, http_status, as_of, fetched_at
    ) as requested
    where http_status in (200, 404)
    -- Several fetches of a model share an as_of; keep the newest.
    qualify {{ is_latest_by('model_id, as_of') }}

),

numbered_responses as (

    select
        raw_file,
        model_id,
        is_newest,
        row_number() over model_by_time as list_no,
        lag(as_of) over model_by_time as previous_as_of
    from responses
    window model_by_time as (partition by model_id order by as_of)

),

endpoints as (

    select
        sweeps.*,
        responses.is_newest,
        responses.list_no,
        responses.previous_as_of,
        count(*) over (
            partition by sweeps.raw_file, sweeps.model_id, sweeps.provider_name, sweeps.tag
        ) as same_tags
    from sweeps
    inner join numbered_responses as responses using (raw_file, model_id)
    where sweeps.endpoint_no is not null

),

-- A tag alone identifies an endpoint, unless any response has it twice. Then its quantization does, and a number in
-- order of price where even that is the same.
qualified as (

    select
        * exclude (same_tags),
        case
            when max(same_tags) over (partition by model_id, provider_name, tag) = 1 then tag
            else tag || ' (' || coalesce(quantization, 'unknown') || ')'
        end as qualified_tag
    from endpoints

),

numbered as (

    select
        * exclude (qualified_tag),
        qualified_tag,
        row_number() over (
            partition by raw_file, model_id, provider_name, qualified_tag
            order by prompt_price, completion_price, context_length, endpoint_no
        ) as qualified_tag_no
    from qualified

)

select
    * exclude (qualified_tag, qualified_tag_no),
    qualified_tag || case qualified_tag_no when 1 then '' else ' ' || qualified_tag_no end as endpoint_tag,
    row_number() over (
        partition by raw_file, model_id, provider_name, tag
        order by endpoint_no
    ) as tag_no
from numbered
